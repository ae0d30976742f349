import assert from 'node:assert/strict'
import { test } from 'node:test'
import { invalid, Refusal } from '../../src/command.js'
import { mac, type TestInstance } from '../support/instance.js'
import { makeKey } from '../support/keys.js'
import { counted, counter, instanceFor, sent, signed } from './probes.js'

const key = 'job-81-step-3'
const fresh = (instance: TestInstance) => ({ timestamp: instance.seconds() + 1 })
const inHex = (body: string) =>
  body.replace(
    /"signature":"([^"]+)"/,
    (_, spelled) => `"signature":"${Buffer.from(spelled, 'base64').toString('hex')}"`,
  )

/** What is asked of the counter twice, the second time differently, and what comes of the second. */
const seconds: readonly {
  readonly guarantee: string
  readonly first?: object
  readonly keyed: boolean
  readonly second: (instance: TestInstance, body: string, params: object) => string
  readonly code: number
  readonly replayed?: true
  readonly sum?: number
}[] = [
  {
    guarantee: 'the same bytes under a key get the stored outcome',
    keyed: true,
    second: (_, body) => body,
    code: 10001,
    replayed: true,
  },
  {
    guarantee: 'the same message with its MAC spelled in hex is the same message',
    keyed: true,
    second: (_, body) => inHex(body),
    code: 10001,
    replayed: true,
  },
  {
    guarantee: 'the same command and parameters, freshly signed, get the stored outcome',
    keyed: true,
    second: (instance, _, params) => signed(instance, 'count', params, { idempotencyKey: key, ...fresh(instance) }),
    code: 10001,
    replayed: true,
  },
  {
    guarantee: 'parameters are compared after defaults, spellings and order of members',
    keyed: true,
    second: (instance) =>
      signed(
        instance,
        'count',
        { refuse: '0', by: '1', id: 'n', cdn: '1' },
        { idempotencyKey: key, ...fresh(instance) },
      ),
    code: 10001,
    replayed: true,
  },
  {
    guarantee: 'another command under the same key is 1410',
    keyed: true,
    second: (instance, _, params) => signed(instance, 'count-too', params, { idempotencyKey: key, ...fresh(instance) }),
    code: 1410,
  },
  {
    guarantee: 'other parameters under the same key are 1410',
    keyed: true,
    second: (instance) => signed(instance, 'count', { id: 'n', by: 2 }, { idempotencyKey: key, ...fresh(instance) }),
    code: 1410,
  },
  { guarantee: 'the same bytes without a key are 1409', keyed: false, second: (_, body) => body, code: 1409 },
  {
    guarantee: 'the same bytes without a key are 1409 in the other spelling of the MAC as well',
    keyed: false,
    second: (_, body) => inHex(body),
    code: 1409,
  },
  {
    guarantee: 'without a key another timestamp is another request',
    keyed: false,
    second: (instance, _, params) => signed(instance, 'count', params, fresh(instance)),
    code: 10001,
    sum: 2,
  },
  {
    guarantee: 'an even outcome keeps no effect, and is replayed to the same bytes',
    first: { id: 'n', refuse: true },
    keyed: true,
    second: (_, body) => body,
    code: 10000,
    replayed: true,
    sum: 0,
  },
  {
    guarantee: 'an even outcome is replayed to a freshly signed twin',
    first: { id: 'n', refuse: true },
    keyed: true,
    second: (instance, _, params) => signed(instance, 'count', params, { idempotencyKey: key, ...fresh(instance) }),
    code: 10000,
    replayed: true,
    sum: 0,
  },
  {
    guarantee: 'a refused message without a key cannot happen later',
    first: { id: 'n', refuse: true },
    keyed: false,
    second: (_, body) => body,
    code: 1409,
    sum: 0,
  },
]

for (const { guarantee, first = { id: 'n' }, keyed, second, code, replayed, sum = 1 } of seconds) {
  test(guarantee, async (t) => {
    const probe = counter()
    const instance = await instanceFor(t, { extra: [probe.command, counter('count-too').command] })
    const body = signed(instance, 'count', first, keyed ? { idempotencyKey: key } : {})
    const before = await sent(instance, body)
    const after = await sent(instance, second(instance, body, first))
    assert.equal(before.code, 'refuse' in first ? 10000 : 10001)
    assert.equal(before.replayed, undefined)
    assert.deepEqual([after.code, after.replayed], [code, replayed])
    if (replayed) assert.deepEqual(after.result, before.result)
    assert.notEqual(after.request_id, before.request_id)
    assert.equal(await counted(instance.db, 'n'), sum)
  })
}

test('the stored outcome survives a restart', async (t) => {
  const { command } = counter()
  const first = await instanceFor(t, { extra: [command] })
  const body = signed(first, 'count', { id: 'n' }, { idempotencyKey: key })
  const unkeyed = signed(first, 'count', { id: 'n' })
  assert.deepEqual([(await sent(first, body)).code, (await sent(first, unkeyed)).code], [10001, 10001])
  const second = await instanceFor(t, { extra: [command], folder: first.folder })
  const again = await sent(second, body)
  assert.deepEqual([again.code, again.replayed, again.result], [10001, true, { sum: 1 }])
  assert.equal((await sent(second, unkeyed)).code, 1409)
  assert.equal(await counted(second.db, 'n'), 2)
})

const noes: readonly { readonly what: string; readonly thrown: () => Error; readonly code: number }[] = [
  { what: 'a Refusal of run', thrown: () => new Refusal('FORBIDDEN'), code: 1403 },
  { what: 'a fault of parameters that run found', thrown: () => invalid('/id', 'is odd'), code: 1422 },
  { what: 'an error of run', thrown: () => new Error('a bug'), code: 1500 },
]
for (const { what, thrown, code } of noes) {
  test(`${what} (${code}) leaves no effect and no claim: the same bytes run afterwards`, async (t) => {
    const probe = counter()
    const instance = await instanceFor(t, { extra: [probe.command] })
    probe.afterEffect = () => {
      throw thrown()
    }
    for (const body of [
      signed(instance, 'count', { id: 'n' }, { idempotencyKey: key }),
      signed(instance, 'count', { id: 'n' }),
    ]) {
      assert.equal((await sent(instance, body)).code, code)
    }
    assert.deepEqual(await instance.db.all('select identity_digest from claims'), [])
    probe.afterEffect = () => undefined
    for (const body of [
      signed(instance, 'count', { id: 'n' }, { idempotencyKey: key }),
      signed(instance, 'count', { id: 'n' }),
    ]) {
      assert.equal((await sent(instance, body)).code, 10001)
    }
    assert.equal(await counted(instance.db, 'n'), 2)
  })
}

test('refusals before the command (1401, 1402, 1403, 1404, 1422) leave no claim on the key', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const limited = await makeKey(instance, { permissions: ['users:read'] })
  const wrong = { ...instance.owner, secret: 'wrong' }
  const codes = [
    await instance.call('count', { id: 'n' }, { idempotencyKey: key, by: wrong }),
    await instance.call('count', { id: 'n' }, { idempotencyKey: key, timestamp: instance.seconds() - 301 }),
    await instance.call('count', { id: 'n', cdn: 2 }, { idempotencyKey: key }),
    await instance.call('count', { id: 'n' }, { idempotencyKey: key, by: limited }),
    await instance.call('cuont', { id: 'n' }, { idempotencyKey: key }),
    await instance.call('count', { id: 7 }, { idempotencyKey: key }),
    await instance.call('count', { id: 'n' }, { idempotencyKey: key }),
  ].map(({ code }) => code)
  assert.deepEqual(codes, [1401, 1402, 1403, 1403, 1404, 1422, 10001])
})

test('two keys of one account use the same idempotency_key independently', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const other = await makeKey(instance)
  const one = await instance.call('count', { id: 'n' }, { idempotencyKey: key })
  const two = await instance.call('count', { id: 'n' }, { idempotencyKey: key, by: other })
  assert.deepEqual([one.result, two.result, two.replayed], [{ sum: 1 }, { sum: 2 }, undefined])
})

test('two accounts use the same idempotency_key independently', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  await instance.call('accounts/create', { account: 2 })
  const other = await makeKey(instance, { account: 2 })
  const one = await instance.call('count', { id: 'n' }, { idempotencyKey: key })
  const two = await instance.call('count', { id: 'n' }, { idempotencyKey: key, by: other })
  assert.deepEqual([one.result, two.result, two.replayed], [{ sum: 1 }, { sum: 1 }, undefined])
  assert.deepEqual([await counted(instance.db, 'n', 1), await counted(instance.db, 'n', 2)], [1, 1])
})

test('a key that is deleted and imported again keeps its claims', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const vendor = { apiKey: 'vendor-key', secret: 'a-secret-that-a-vendor-gave-out' }
  const importing = (timestamp: number) =>
    instance.call('keys/import', { key: vendor.apiKey, secret: vendor.secret, account: 1 }, { timestamp })
  await importing(instance.seconds())
  const keyed = signed(instance, 'count', { id: 'n' }, { by: vendor, idempotencyKey: key })
  const unkeyed = signed(instance, 'count', { id: 'n' }, { by: vendor })
  assert.deepEqual([(await sent(instance, keyed)).code, (await sent(instance, unkeyed)).code], [10001, 10001])
  await instance.db.transaction((session) => session.run('delete from keys where key_id = $1', [vendor.apiKey]))
  assert.equal((await importing(instance.seconds() + 1)).code, 6151)
  const again = await sent(instance, keyed)
  assert.deepEqual([again.code, again.replayed, (await sent(instance, unkeyed)).code], [10001, true, 1409])
  assert.equal(await counted(instance.db, 'n'), 2)
})

test('a key that was deleted and imported for another account begins anew there', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  await instance.call('accounts/create', { account: 2 })
  const vendor = { apiKey: 'vendor-key', secret: 'a-secret-that-a-vendor-gave-out' }
  const codes = []
  for (const account of [1, 2]) {
    const importing = { key: vendor.apiKey, secret: vendor.secret, account }
    await instance.call('keys/import', importing, { idempotencyKey: `import-${account}` })
    codes.push(await instance.call('count', { id: 'n' }, { by: vendor, idempotencyKey: key }))
    await instance.db.transaction((session) => session.run('delete from keys where key_id = $1', [vendor.apiKey]))
  }
  assert.deepEqual(
    codes.map(({ code, replayed, result }) => [code, replayed, result]),
    [
      [10001, undefined, { sum: 1 }],
      [10001, undefined, { sum: 1 }],
    ],
  )
})

test('reads are not claimed, and their idempotency_key is ignored', async (t) => {
  const instance = await instanceFor(t)
  await instance.call('set-user', { id: 'alice', user: { comment: 'one' } })
  const body = signed(instance, 'get-user', { id: 'alice' }, { idempotencyKey: key })
  const first = await sent(instance, body)
  await instance.call('set-user', { id: 'alice', user: { comment: 'two' } })
  const second = await sent(instance, body)
  const other = await instance.call('list-users', {}, { idempotencyKey: key })
  assert.deepEqual([first.result.comment, second.result.comment, second.replayed], ['one', 'two', undefined])
  assert.deepEqual([other.code, other.replayed], [3031, undefined])
  const write = await instance.call('toggle-user', { id: 'alice' }, { idempotencyKey: key })
  assert.deepEqual([write.code, write.replayed], [3021, undefined])
  assert.deepEqual(await instance.db.all('select distinct command from claims order by command'), [
    { command: 'set-user' },
    { command: 'toggle-user' },
  ])
})

test('a wrong MAC over an honest message neither claims nor spoils it', async (t) => {
  const instance = await instanceFor(t, { extra: [counter().command] })
  const body = signed(instance, 'count', { id: 'n' })
  const forged = body.replace(/"signature":"[^"]+"/, `"signature":"${mac('wrong', 'x')}"`)
  assert.equal((await sent(instance, forged)).code, 1401)
  assert.equal((await sent(instance, body)).code, 10001)
})
