import type { Queries } from './db.js'
import { together } from './together.js'

/** Rows of one query. */
const rowsAtOnce = 500

type Made = 'keys' | 'ended_keys' | 'access_tokens'

const idOf: Readonly<Record<Made, string>> = { keys: 'key_id', ended_keys: 'key_id', access_tokens: 'token_id' }

/** What was made with what in one account: keys, removed keys and access tokens. Each key is looked at once. */
export class Lineage {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  /** Whether a key was removed with its principal, while a key that it made is left. */
  async hasEnded(keyId: string): Promise<boolean> {
    const sql = 'select 1 as one from ended_keys where account = $1 and key_id = $2'
    return (await this.queries.get(sql, [this.account, keyId])) !== undefined
  }

  /** The ids of a key and of every key that was made with it, with those, and so on: ended ones included, each generation after its makers. */
  async keysFrom(keyId: string): Promise<string[]> {
    const found = new Set([keyId])
    for (let makers: readonly string[] = [keyId]; makers.length > 0; ) {
      const made = [...(await this.madeWith('keys', makers)), ...(await this.madeWith('ended_keys', makers))]
      makers = made.filter((id) => !found.has(id))
      for (const id of makers) found.add(id)
    }
    return [...found]
  }

  /** The ids of the access tokens that were made with some keys. */
  tokensOf(keyIds: readonly string[]): Promise<string[]> {
    return this.madeWith('access_tokens', keyIds)
  }

  private async madeWith(table: Made, makers: readonly string[]): Promise<string[]> {
    return (await together(makers, (maker) => this.madeWithOne(table, maker))).flat()
  }

  private async madeWithOne(table: Made, maker: string): Promise<string[]> {
    const id = idOf[table]
    const sql = `select ${id} as id from ${table} where account = $1 and created_by = $2 and ${id} > $3 order by ${id}`
    const found: string[] = []
    for (;;) {
      const last = found.at(-1) ?? ''
      const { rows, more } = await this.queries.piece<{ id: string }>(sql, [this.account, maker, last], rowsAtOnce)
      for (const row of rows) found.push(row.id)
      if (!more) return found
    }
  }
}
