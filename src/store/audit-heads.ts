import type { ChainHead } from './audit-checkpoint.js'
import type { Queries } from './db.js'

/** The last row of a chain. */
export interface LastRow extends ChainHead {
  readonly at_ms: number
}

/** The last row of every chain, in the order of their names: some steps of the index for each chain, however many rows it has. */
export function chainHeads(queries: Queries): Promise<LastRow[]> {
  return queries.all<LastRow>(
    `with recursive chains (name) as (
       select min(node) from audit
       union all
       select (select min(node) from audit where node > name) from chains where name is not null
     )
     select node, seq, hash, at_ms from chains join audit on node = name
     where seq = (select max(seq) from audit as own where own.node = name) order by node`,
  )
}
