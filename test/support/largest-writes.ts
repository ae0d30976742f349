import type { TestInstance } from './instance.js'

const numbers = 'with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < $1)'

/** Rows of account 1 that writes look at: keys and tokens of `tree-0` to `tree-2`, users that were assigned all slices, and subowners. */
const rows: readonly string[] = [
  ...[0, 1, 2].map(
    (tree) => `insert into keys (key_id, account, principal_kind, principal_id, lineage, permissions, addresses, secret,
     enable, created_by, comment, created_at)
     ${numbers} select case when n = 1 then 'tree-${tree}' else 'made-${tree}-' || n end, 1, 'owner', 'none', 'l', '[]', '[]', '',
     1, case when n = 1 then 'init' when n < 100 then 'tree-${tree}' else 'made-${tree}-' || (n / 10 + 2) end, '', n from numbers`,
  ),
  `insert into access_tokens (token_id, token_hash, account, principal_kind, principal_id, permissions, addresses,
   expires_at, created_by, created_at)
   ${numbers} select 'token-' || n, 'hash-' || n, 1, 'owner', 'none', '[]', '[]', 9000000000, 'tree-' || (n % 3), n from numbers`,
  `insert into assigned (account, what, id, user_id) ${numbers} select 1, 'slices', 'slice-1', 'user-' || n from numbers`,
  `insert into subowners (account, id, username, password, permissions, key_id, created_at, updated_at)
   ${numbers} select 1, 'sub-' || n, 'sub-' || n, '', '[]', 'none', n, n from numbers`,
]

/** Fills what `fillRows` leaves empty. */
export async function fillMade({ db }: TestInstance, count: number): Promise<void> {
  await db.transaction(async (session) => {
    for (const sql of rows) await session.run(sql, [count])
    const scope = JSON.stringify({ slices: Array.from({ length: 20 }, (_, n) => `slice-${n}`), servers: [] })
    await session.run('update users set scope = $1 where account = 1', [scope])
  })
}

const many = (count: number, of: (index: number) => string): string[] => Array.from({ length: count }, (_, n) => of(n))
const long = (length: number, end: string | number = ''): string => String(end).padStart(length, 'x')
const ips = many(256, (n) => `10.${n}.0.0/16`)
const permissions = ['users:*', 'streams:*', 'stats:*', 'keys:*', 'slices:*', 'servers:*', 'devices:*', 'subowners:*']
const globs = (own: string) => many(64, (n) => `${own}*${n}`.padEnd(256, '*a'))
const match = (n: number) => ({ servers: globs(`s${n}`), apps: globs(`a${n}`), streams: globs(`t${n}`) })

/** A message of almost 1 MiB, with names of viewers that nobody has seen. */
const report = (now: number, n: number) => ({
  server: 'edge-1',
  samples: Array.from({ length: 100 }, (_, sample) => ({
    time: now - 1 - (sample % 50),
    app: 'live',
    stream: `of-${n}-${sample}`,
    connections: 1,
    bytes_in: 1,
    bytes_out: 1,
    viewers: many(75, (viewer) => long(120, `${n}-${sample}-${viewer}`)),
  })),
})

/** The heaviest calls of every write: `n` tells one from another, so that each finds its own work. */
export const heaviest: Readonly<Record<string, (n: number, now: number) => readonly object[]>> = {
  'access-tokens/create': () => [{ permissions, expires_in: 60 }],
  'access-tokens/list': () => [{ page: 90, pagesize: 50 }],
  'access-tokens/revoke': (n) => [{ token_id: `token-${n + 1}` }],
  'accounts/create': (n) => [{ account: 900 + n, name: long(128), time_zone: 'America/Argentina/Buenos_Aires' }],
  'accounts/list': () => [{ pagesize: 50 }],
  'accounts/update': (n) => [{ account: 1, name: long(128, n), time_zone: 'America/Argentina/Buenos_Aires' }],
  'api-access/enable': (n) => [{ id: `user-${n + 10}` }],
  'api-access/whitelist': (n) => [{ id: `user-${n + 10}`, ips }],
  'api-access/regenerate': (n) => [{ id: `user-${n + 10}`, grace: 10 }],
  'api-access/disable': (n) => [{ id: `user-${n + 10}` }],
  'device-passwords/create': (_, now) => [{ device_name: long(256), valid_from: now }],
  'device-passwords/revoke': () => [{ user_name: long(64) }],
  'keys/create': () => [{ permissions, ips, comment: long(1024) }],
  'keys/import': (n) => [{ key: long(128, n), secret: long(1024), account: 1 }],
  'keys/revoke': (n) => [{ key: `tree-${n}`, cascade: true }],
  'keys/rotate': (n) => [{ key: `made-${n}-90`, grace: 10 }],
  'keys/update': (n) => [{ key: `made-${n}-91`, ips, comment: long(1024) }],
  'servers/set': (n) => [{ id: 'edge-1', name: long(128, n), host: 'edge.example.org' }],
  'servers/remove': (n) => [{ id: `server-${n + 1}` }],
  'set-user': (n) => [
    {
      id: `user-${n + 1}`,
      user: { type: 1, password: long(1024), comment: long(1024), token: long(256), ip: long(1024) },
    },
    { id: `user-${n + 100}`, user: { remove: true } },
  ],
  'toggle-user': (n) => [{ id: `user-${n + 1}` }],
  'sevu.addstreamuser': (n) => [
    { app: long(255), stream: long(255, n), user: long(255), pass: long(1024), save_folder: long(1024) },
  ],
  'sevu.removestreamuser': (n) => [
    { app: 'live', stream: `stream-${9_000 + n}`, user: null },
    { streamuser_id: n + 1 },
  ],
  'sevu.request': () => [{ app: long(1024), video: long(1024), ip: many(80, (n) => `10.0.0.${n}`).join('|') }],
  'sevu.revoke': () => [{ key: long(256) }],
  'slices/assign': (n) => [
    {
      user: `user-${n + 1}`,
      slices: many(20, (slice) => `slice-${slice}`),
      servers: many(256, (id) => `server-${id + 100}`),
    },
  ],
  'slices/set': (n) => [{ id: `large-${n}`, name: long(128), match: match(n) }],
  'slices/remove': (n) => [{ id: `large-${n}` }, { id: 'slice-1' }],
  'stats/report': (n, now) => [report(now, n)],
  'subowners/create': (n) => [{ username: long(60, n), password: long(1024), permissions: ['slice', 'api'] }],
  'subowners/update': (n) => [{ id: `sub-${n + 1}`, permissions: ['slice', 'api'], password: long(1024), newkey: 1 }],
  'subowners/delete': (n) => [{ id: `sub-${n + 100}` }],
  batch: (n) => [
    {
      commands: many(100, String).map((_, item) => ({
        cmd: 'slices/assign',
        user: `user-${n * 100 + item + 200}`,
        slices: ['slice-1', 'slice-2'],
        servers: many(40, (id) => `server-${id + 100}`),
      })),
    },
    {
      commands: many(100, String).map((_, item) => ({
        cmd: 'slices/set',
        id: `of-${n}-${item}`,
        name: 'x',
        match: { streams: globs('s').slice(32) },
      })),
    },
    {
      commands: many(100, String).map((_, item) => ({
        cmd: 'keys/revoke',
        key: `made-${n}-${item + 2}`,
        cascade: true,
      })),
    },
  ],
}
