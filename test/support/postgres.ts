import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** The server that tests may use; its databases and schemas are made and dropped. */
const server = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres'

/** Whether this run of the tests is the one on PostgreSQL. */
export const onPostgres = process.env.TEST_ENGINE === 'postgres'

/** For a test of what only SQLite does. */
export const sqliteOnly = { skip: onPostgres && 'of SQLite alone' }

/** Why nothing of PostgreSQL can be tested here; undefined when it can. In CI that is a failure. */
export const noPostgres: string | undefined = await reason()

async function reason(): Promise<string | undefined> {
  try {
    await asked(['select 1'])
    return undefined
  } catch (error) {
    const why = `no PostgreSQL at ${new URL(server).host} (TEST_POSTGRES_URL names another): ${String(error)}`
    if (process.env.CI) throw new Error(why)
    process.stderr.write(`\nSKIPPED: what is tested on PostgreSQL, since there is ${why}\n\n`)
    return why
  }
}

async function asked(statements: readonly string[]): Promise<void> {
  const client = new pg.Client(server)
  await client.connect()
  try {
    for (const sql of statements) await client.query(sql)
  } finally {
    await client.end()
  }
}

export interface Place {
  readonly url: string
  drop(): Promise<void>
}

const freeName = () => `countersign_${randomBytes(8).toString('hex')}`

/** An empty schema, seen by whoever connects with its URL as a database of its own: cheaper than one. */
export async function emptySchema(): Promise<Place> {
  const name = freeName()
  await asked([`create schema ${name}`])
  const url = new URL(server)
  url.searchParams.set('options', `-c search_path=${name}`)
  return { url: url.href, drop: () => asked([`drop schema ${name} cascade`]) }
}

const emptied: Place[] = []

/**
 * A schema that was migrated when this process used it before, or an empty one. Not dropped but emptied: a migration costs
 * ten times as much as all else that a gateway does before it serves.
 */
export async function usedSchema(): Promise<Place> {
  const known = emptied.pop()
  if (known) return known
  const { url } = await emptySchema()
  const place: Place = {
    url,
    async drop() {
      await empty(url)
      emptied.push(place)
    },
  }
  return place
}

/** Removes every row but what migrations have left; constraints are looked at when all are gone. */
async function empty(url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query(
      `select table_name as name from information_schema.tables where table_schema = current_schema() and table_name <> 'migrations'`,
    )
    const deletes = rows.map(
      ({ name }) => `delete from ${name}${name === 'meta' ? ` where name <> 'compatible_since'` : ''}`,
    )
    await client.query(['begin', 'set local session_replication_role = replica', ...deletes, 'commit'].join(';'))
  } finally {
    await client.end()
  }
}

/** An empty database. */
export async function emptyDatabase(): Promise<Place> {
  const name = freeName()
  await asked([`create database ${name}`])
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => asked([`drop database ${name} with (force)`]) }
}
