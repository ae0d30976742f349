import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Credentials, isAuthentic, signMessage } from '../../clients/typescript/index.js'
import { type CommandInstance, faultPaths, instanceFor } from '../support/commands.js'
import { makeAccount, makeKey, makeUser } from '../support/keys.js'

const save = (id: string, user: object = { type: 3 }) => ({ cmd: 'set-user', id, user })
const codesOf = ({ result }: { result?: { results: { code: number }[] } }) => result?.results.map(({ code }) => code)
const usersOf = async (gateway: CommandInstance): Promise<string[]> =>
  (await gateway.run('list-users')).result.users.map(({ id }: { id: string }) => id)

test('every item answers in its place as its own message would have', async (t) => {
  const gateway = await instanceFor(t)
  const commands = [
    save('alice'),
    { cmd: 'toggle-user', id: 'alice' },
    { cmd: 'get-user', id: 'alice' },
    { cmd: 'ping' },
  ]
  for (const atomic of [true, false]) {
    const reply = await gateway.run('batch', { commands, atomic })
    assert.deepEqual([reply.code, codesOf(reply)], [9031, [3011, 3021, 3001, 9001]])
    const [saved, toggled, shown, pong] = reply.result.results
    assert.deepEqual([saved.status, saved.message, saved.result.id], ['success', 'User saved', 'alice'])
    assert.deepEqual([toggled.result.enable, shown.result.enable, pong.result], [!atomic, !atomic, { pong: true }])
  }
})

test('atomic is the default: the first failing item shows its own code, every other 9030, and nothing is kept', async (t) => {
  const gateway = await instanceFor(t)
  const bad: readonly (readonly [code: number, item: object])[] = [
    [3020, { cmd: 'toggle-user', id: 'nobody' }],
    [1404, { cmd: 'toggle-users', id: 'nobody' }],
    [1422, { cmd: 'toggle-user' }],
    [1403, { cmd: 'toggle-user', id: 'admin' }],
  ]
  await makeUser(gateway, 'admin', { type: 1 })
  const by = await makeKey(gateway, { permissions: ['users:*', 'keys:*'] })
  for (const [code, item] of bad) {
    const commands = [save('alice'), { cmd: 'keys/create', permissions: [] }, item, save('bob'), item]
    const reply = await gateway.run('batch', { commands }, by)
    assert.deepEqual([reply.code, reply.status], [9030, 'failure'])
    assert.deepEqual(codesOf(reply), [9030, 9030, code, 9030, 9030], JSON.stringify(item))
    assert.ok(!JSON.stringify(reply).includes('cs_'), 'no secret is shown')
    for (const { code, result } of reply.result.results) assert.ok(code !== 9030 || result === undefined)
  }
  assert.deepEqual(await usersOf(gateway), ['admin'])
  assert.equal((await gateway.run('keys/list')).result.keys.length, 3)
})

test('not atomic: 9031 in any case, and each item for itself', async (t) => {
  const gateway = await instanceFor(t)
  const commands = [
    save('alice'),
    { cmd: 'toggle-user', id: 'nobody' },
    { cmd: 'togle-user', id: 'alice' },
    { cmd: 'set-user', id: 'alice', user: {} },
    save('bob'),
  ]
  const reply = await gateway.run('batch', { commands, atomic: false })
  assert.deepEqual([reply.code, codesOf(reply)], [9031, [3011, 3020, 1404, 1422, 3011]])
  const [, , unknown, wrong] = reply.result.results
  assert.equal(unknown.suggestion, 'toggle-user')
  assert.deepEqual(faultPaths(wrong), ['/user'])
  assert.deepEqual(await usersOf(gateway), ['alice', 'bob'])
  const none = await gateway.run('batch', { commands: [{ cmd: 'nothing' }], atomic: false })
  assert.deepEqual([none.code, codesOf(none)], [9031, [1404]])
})

test('an item that fails takes back what it did, and nothing else', async (t) => {
  const gateway = await instanceFor(t)
  await makeUser(gateway, 'admin', { type: 1 })
  // Each is refused only after it has written.
  const commands = [
    save('alice'),
    { cmd: 'toggle-user', id: 'admin' },
    save('admin', { type: 3 }),
    save('alice', { comment: 'c' }),
  ]
  const reply = await gateway.run('batch', { commands, atomic: false })
  assert.deepEqual(codesOf(reply), [3011, 3014, 3014, 3011])
  const show = async (id: string) => (await gateway.run('get-user', { id })).result
  const [admin, alice] = [await show('admin'), await show('alice')]
  assert.deepEqual([admin.enable, admin.type, alice.comment], [true, 1, 'c'])
})

test('what is no batch is 1422 as a whole, and runs nothing', async (t) => {
  const gateway = await instanceFor(t)
  const wrong: readonly unknown[] = [
    undefined,
    null,
    {},
    'ping',
    [],
    Array(101).fill({ cmd: 'ping' }),
    ...[{}, 'ping', null, [], 7, { cmd: '' }, { cmd: 7 }, { cmd: null }, { cmd: 'x'.repeat(129) }].map(after),
    ...['batch', 'request-status', 'stats/report'].map((cmd) => after({ cmd })),
    ...['api_key', 'timestamp', 'signature', 'idempotency_key', 'dry_run', 'cdn', 'audience', 'command'].map((name) =>
      after({ cmd: 'ping', [name]: 1 }),
    ),
    ...['_owner', '_timestamp', '_cmd', '_idempotency_key'].map((name) => after({ cmd: 'ping', [name]: 'x' })),
  ]
  for (const commands of wrong) {
    for (const atomic of [true, false]) {
      const reply = await gateway.run('batch', { commands, atomic })
      assert.deepEqual([reply.code, reply.result], [1422, undefined], JSON.stringify(commands))
      assert.ok(
        faultPaths(reply).every((path) => path.startsWith('/commands')),
        JSON.stringify(reply.errors),
      )
    }
  }
  for (const extra of [{ atomic: 'maybe' }, { parallel: true }]) {
    assert.equal((await gateway.run('batch', { commands: [save('alice')], ...extra })).code, 1422)
  }
  assert.deepEqual(await usersOf(gateway), [])
  assert.equal((await gateway.run('batch', { commands: Array(100).fill({ cmd: 'ping' }) })).result.results.length, 100)
})

const after = (item: unknown) => [save('alice'), item]

test('a name of an object’s own, as a command or a parameter of an item, finds nothing', async (t) => {
  const gateway = await instanceFor(t)
  const names = ['constructor', 'toString', 'hasOwnProperty', 'PING', 'ping ']
  const commands = names.map((cmd) => ({ cmd }))
  const reply = await gateway.run('batch', { commands, atomic: false })
  assert.deepEqual(
    codesOf(reply),
    names.map(() => 1404),
  )
  const odd = await gateway.run('batch', {
    commands: [
      { cmd: 'ping', toString: 1 },
      { cmd: 'ping', ping: 1 },
    ],
    atomic: false,
  })
  assert.deepEqual(codesOf(odd), [1422, 1422])
  for (const nul of [save('alice', { comment: 'a\u0000' }), { cmd: 'ping\u0000' }]) {
    assert.equal((await gateway.run('batch', { commands: [{ cmd: 'ping' }, nul], atomic: false })).code, 1422)
  }
})

test('parameters are read as in a message of its own: spellings of forms, defaults', async (t) => {
  const gateway = await instanceFor(t)
  const commands = [save('alice', { enable: 0, conlimit: '3' }), { cmd: 'list-users', pagesize: '1' }]
  const reply = await gateway.run('batch', { commands, atomic: 0 })
  const { users, paging } = reply.result.results[1].result
  assert.deepEqual([users[0].enable, users[0].conlimit, paging], [false, 3, { page: 1, pagesize: 1, total: 1 }])
})

test('an item prepares what it needs: passwords are kept hashed', async (t) => {
  const gateway = await instanceFor(t)
  const commands = Array.from({ length: 6 }, (_, n) => save(`user-${n}`, { password: `canary-${n}` }))
  assert.equal((await gateway.run('batch', { commands })).code, 9031)
  const rows = await gateway.db.all<{ password: string }>('select password from users')
  assert.equal(new Set(rows.map(({ password }) => password)).size, 6)
  for (const { password } of rows) assert.match(password, /^scrypt\$32768\$8\$1\$/)
})

/** Batches whose first item takes something from the key that signed them: the next item finds it gone. */
const restrictions: readonly (readonly [code: number, first: (by: Credentials) => object])[] = [
  [1407, ({ apiKey }) => ({ cmd: 'keys/revoke', key: apiKey })],
  [1407, ({ apiKey }) => ({ cmd: 'keys/update', key: apiKey, enable: false })],
  [1407, ({ apiKey }) => ({ cmd: 'keys/update', key: apiKey, expires_at: 1 })],
  [1406, ({ apiKey }) => ({ cmd: 'keys/update', key: apiKey, ips: ['10.0.0.1'] })],
  [1403, ({ apiKey }) => ({ cmd: 'keys/update', key: apiKey, permissions: ['keys:*'] })],
  [1401, ({ apiKey }) => ({ cmd: 'keys/rotate', key: apiKey, grace: 0 })],
  [3011, ({ apiKey }) => ({ cmd: 'keys/rotate', key: apiKey })],
  [1403, () => save('signer', { type: 3 })],
  [1407, () => save('signer', { enable: false })],
  [1407, () => ({ cmd: 'toggle-user', id: 'signer' })],
  [1401, () => save('signer', { remove: true })],
]

test('permissions are read again for every item: a batch that restricts its own key feels it at once', async (t) => {
  const gateway = await instanceFor(t)
  await makeUser(gateway, 'spare', { type: 1 })
  for (const [code, first] of restrictions) {
    for (const atomic of [false, true]) {
      await gateway.run('set-user', { id: 'signer', user: { remove: true } })
      const by = await makeUser(gateway, 'signer', { type: 1 })
      const id = `made-${code}-${atomic}-${Math.random()}`
      const reply = await gateway.run('batch', { commands: [first(by), save(id)], atomic }, by)
      const [taken, next] = codesOf(reply) ?? []
      const done = code === 3011
      assert.equal(next, code, JSON.stringify([first(by), reply]))
      assert.equal(taken, atomic && !done ? 9030 : taken)
      assert.equal((await usersOf(gateway)).includes(id), done)
      // Taken back with the rest, it restricts nothing.
      if (atomic && !done) assert.equal((await gateway.run('list-users', {}, by)).code, 3031)
    }
  }
})

test('who may run none of the items may still send a batch, and who holds little gets 1403 for the rest', async (t) => {
  const gateway = await instanceFor(t)
  const other = await makeAccount(gateway, 2)
  await gateway.run('set-user', { id: 'alice', user: { type: 3, token: 'canary-token' } })
  const reader = await makeKey(gateway, { permissions: ['users:read'] })
  const commands = [{ cmd: 'get-user', id: 'alice' }, save('alice', { comment: 'c' }), { cmd: 'ping' }]
  const rows = [
    [reader, [3001, 1403, 9001]],
    [await makeKey(gateway, { permissions: [] }), [1403, 1403, 9001]],
    [other, [3000, 3011, 9001]],
  ] as const
  for (const [by, codes] of rows) {
    const reply = await gateway.run('batch', { commands, atomic: false }, by)
    assert.deepEqual(codesOf(reply), codes)
    assert.ok(!JSON.stringify(reply).includes('canary-token'))
  }
})

test('the reply of a batch that rotated its own key is signed with the secret that signed the batch', async (t) => {
  const gateway = await instanceFor(t)
  const by = await makeKey(gateway)
  const commands = [{ cmd: 'keys/rotate', key: by.apiKey, grace: 0 }]
  const { body, mac } = signMessage('batch', { commands }, by, { timestamp: gateway.seconds() })
  const reply = await gateway.post(body)
  assert.equal(reply.code, 9031)
  assert.ok(
    isAuthentic(new Map(reply.headers).get('Countersign-Reply') ?? null, mac, reply.status, reply.body, by.secret),
  )
})
