import type { Db, Queries, Value } from './db.js'
import { Meta } from './meta.js'
import { onePlace } from './partitions.js'

/** A table that is copied: in what order its rows are read, and which others must be there first. */
interface Table {
  readonly name: string
  readonly columns: readonly string[]
  readonly key: readonly string[]
  readonly needs: readonly string[]
}

const rowsAtOnce = 500
/** Made by the schema's own migrations, on either side. */
const left: ReadonlySet<string> = new Set(['migrations'])
/** Copied last: without the name of its master key no gateway takes a database for a whole one. */
const last = 'meta'
const state = 'migration'

export type CopyState = 'copying' | 'copied'

/** Whether a database is, or was, filled by {@link copyRows}. */
export async function copyState(queries: Queries): Promise<CopyState | undefined> {
  const value = await new Meta(queries).get(state)
  return value === 'copying' || value === 'copied' ? value : undefined
}

/** The tables of a SQLite database, each after those that it refers to. */
async function tablesOf(from: Queries): Promise<Table[]> {
  const names = await from.all<{ name: string }>(
    `select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name`,
  )
  const tables: Table[] = []
  for (const { name } of names) {
    if (left.has(name)) continue
    const columns = await from.all<{ name: string; pk: number }>('select name, pk from pragma_table_info($1)', [name])
    const needs = await from.all<{ table: string }>('select "table" from pragma_foreign_key_list($1)', [name])
    const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk)
    tables.push({
      name,
      columns: columns.map((column) => column.name),
      key: key.map((column) => column.name),
      needs: needs.map(({ table }) => table),
    })
  }
  return inOrder(tables)
}

function inOrder(tables: readonly Table[]): Table[] {
  const ordered: Table[] = []
  const isThere = (name: string) => ordered.some((table) => table.name === name)
  const rank = ({ name }: Table) => (name === last ? 1 : 0)
  for (let waiting = tables.toSorted((a, b) => rank(a) - rank(b)); waiting.length > 0; ) {
    const [next] = waiting.filter((table) => table.needs.every((name) => name === table.name || isThere(name)))
    if (!next) throw new Error('tables refer to one another in a circle')
    ordered.push(next)
    waiting = waiting.filter((table) => table !== next)
  }
  return ordered
}

/**
 * Copies every row of a SQLite database that nobody writes to into another one with the same schema, which is emptied
 * first. Cut short anywhere, it is begun anew by calling it again; until it has ended no gateway starts on the copy.
 */
export async function copyRows(from: Db, to: Db, onRows: (rows: number, of: number) => void): Promise<number> {
  const tables = await tablesOf(from)
  let total = 0
  for (const { name } of tables) total += await countOf(from, name)
  await to.transaction(async (session) => {
    for (const { name } of tables.toReversed()) await session.run(`delete from ${name}`)
    await new Meta(session).set(state, 'copying')
  })
  let copied = 0
  for (const table of tables) {
    for (let after: Row | undefined, more = true; more; ) {
      const rows = await pageOf(from, table, after)
      await to.transaction(async (session) => {
        await Promise.all(rows.map((row) => insert(session, table, to.exclusive ? row : unparted(row))))
        if (table.name === last && rows.length < rowsAtOnce) await new Meta(session).set(state, 'copied')
      })
      copied += rows.length
      onRows(copied, total)
      after = rows.at(-1)
      more = rows.length === rowsAtOnce
    }
  }
  return copied
}

type Row = Readonly<Record<string, Value>>

function pageOf(from: Queries, { name, columns, key }: Table, after: Row | undefined): Promise<Row[]> {
  const order = key.join(', ')
  const beyond = after ? `where (${order}) > (${key.map((_, index) => `$${index + 2}`).join(', ')})` : ''
  return from.all<Row>(`select ${columns.join(', ')} from ${name} ${beyond} order by ${order} limit $1`, [
    rowsAtOnce,
    ...(after ? key.map((column) => after[column] ?? null) : []),
  ])
}

/** Only a file keeps claims in partitions. */
const unparted = (row: Row): Row => ('part' in row ? { ...row, part: onePlace.partition } : row)

function insert(to: Queries, { name, columns }: Table, row: Row): Promise<number> {
  const places = columns.map((_, index) => `$${index + 1}`).join(', ')
  return to.run(
    `insert into ${name} (${columns.join(', ')}) values (${places})`,
    columns.map((column) => row[column] ?? null),
  )
}

async function countOf(queries: Queries, table: string): Promise<number> {
  return (await queries.get<{ total: number }>(`select count(*) as total from ${table}`))?.total ?? 0
}

/** The tables whose numbers of rows differ, in words; the copy says of itself, in one row, that it is one. */
export async function differences(from: Queries, to: Queries): Promise<string[]> {
  const found: string[] = []
  for (const { name } of await tablesOf(from)) {
    const [there, here] = [await countOf(from, name), (await countOf(to, name)) - (name === last ? 1 : 0)]
    if (there !== here) found.push(`${name}: ${there} rows there, ${here} here`)
  }
  return found
}
