import type { TestInstance } from './instance.js'

/** Globs that nearly match, as many and as long as a slice may have. */
const globs = (own: string): string[] =>
  Array.from({ length: 64 }, (_, index) => `a*${'a'.repeat(40)}*${own}${index}`.padEnd(250, '*a'))

/** Slices of account 1 with as many globs as they may have; none matches a stream. */
export async function fillSlices({ db, seconds }: TestInstance, count: number): Promise<void> {
  const now = seconds()
  await db.transaction(async (session) => {
    for (let number = 0; number < count; number++) {
      const match = JSON.stringify({ apps: ['*'], streams: globs(`b${number}`) })
      await session.run('insert into slices (account, id, name, matches, created_at) values (1, $1, $1, $2, $3)', [
        `slice-${number}`,
        match,
        now,
      ])
    }
  })
}

/** Streams of one server, each with a sample of now, in as few messages as they fit into. */
export async function fillStreams(gateway: TestInstance, count: number): Promise<void> {
  await gateway.call('servers/set', { id: 'edge-1', name: 'Edge 1' })
  const time = gateway.seconds() - 1
  for (let first = 0; first < count; first += 1_000) {
    const samples = Array.from({ length: Math.min(1_000, count - first) }, (_, index) => ({
      time,
      app: 'live',
      stream: `${'a'.repeat(200)}-${first + index}`,
      connections: 1,
      bytes_in: 1,
      bytes_out: 1,
    }))
    const { code } = await gateway.call('stats/report', { server: 'edge-1', samples })
    if (code !== 7201) throw new Error(`samples were not taken: ${code}`)
  }
}

const numbers = 'with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < $1)'

/** Rows of account 1 that only their number makes large. */
const rows: readonly string[] = [
  `insert into users (account, id, enable, type, comment, ip, expire, conlimit, created_at, updated_at)
   ${numbers} select 1, 'user-' || n, 1, 3, 'a comment that is not short', '', 0, 0, 0, 0 from numbers`,
  `insert into stream_users (account, id, app, stream, publisher, publisher_digest, settings, created_at)
   ${numbers} select 1, n, 'live', 'stream-' || n, '', '', '{}', 0 from numbers`,
  `insert into servers (account, id, name, host, created_at)
   ${numbers} select 1, 'server-' || n, 'a name', 'host.example.org', 0 from numbers`,
]

/** Users, stream users, and at most 10,000 servers, which is their limit. */
export async function fillRows({ db }: TestInstance, count: number): Promise<void> {
  await db.transaction(async (session) => {
    for (const sql of rows) await session.run(sql, [sql.includes('into servers') ? Math.min(10_000, count) : count])
  })
}

/** Rows of the audit trail, a hundred by each message. */
export async function fillTrail({ call }: TestInstance, messages: number): Promise<void> {
  const commands = Array.from({ length: 100 }, (_, index) => ({ cmd: 'toggle-user', id: `user-${index + 1}` }))
  for (let message = 0; message < messages; message++) {
    const { code } = await call('batch', { commands }, { idempotencyKey: `trail-${message}-of-many` })
    if (code % 2 === 0) throw new Error(`the trail was not filled: ${code}`)
  }
}

/** Further keys like one that is there, each of a principal and made by somebody. */
export async function fillKeys(
  { db }: TestInstance,
  like: string,
  count: number,
  of: (number: number) => Readonly<Record<string, string>>,
): Promise<void> {
  const [key = {}] = await db.all<Record<string, string | number | null>>('select * from keys where key_id = $1', [
    like,
  ])
  await db.transaction(async (session) => {
    for (let number = 0; number < count; number++) {
      const keyId = `${like}-${number}`
      const row = { ...key, key_id: keyId, lineage: keyId, ...of(number) }
      const places = Object.keys(row).map((_, index) => `$${index + 1}`)
      await session.run(
        `insert into keys (${Object.keys(row).join(', ')}) values (${places.join(', ')})`,
        Object.values(row),
      )
    }
  })
}
