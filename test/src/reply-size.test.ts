import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { dialects } from '../../dialects/index.js'
import { Closed, Type } from '../../schemas/types.js'
import { ownCommand } from '../../src/command.js'
import { mostKept, mostReply } from '../../src/reply-size.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'

/** Makes slices of the account as large as slices/set takes them, some 50 KB each. */
async function largeSlices(gateway: CommandInstance, count: number): Promise<void> {
  const globs = Array(64).fill('g'.repeat(256))
  const matches = JSON.stringify({ servers: globs, apps: globs, streams: globs })
  await gateway.db.transaction((session) =>
    session.run(
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < $2)
       insert into slices (account, id, name, matches, created_at) select 1, 's' || i, 'x', $1, 0 from n`,
      [matches, count],
    ),
  )
}

const usersOf = async (gateway: CommandInstance): Promise<number> =>
  (await gateway.run('list-users')).result.paging.total
const claimsOf = async (gateway: CommandInstance): Promise<number> =>
  (await gateway.db.all('select request_id from claims')).length

const save = { cmd: 'set-user', id: 'alice', user: { type: 3 } }

test('a batch whose answer would be too large is 1414, has no effect, leaves no claim, and builds no more than that', async (t) => {
  const gateway = await instanceFor(t)
  await largeSlices(gateway, 20)
  const lists = Array(99).fill({ cmd: 'slices/list' })
  for (const atomic of [true, false]) {
    for (const idempotencyKey of [undefined, `too-large-${atomic}`]) {
      const before = process.memoryUsage().heapUsed
      const params = { commands: [save, ...lists], atomic }
      const envelope = idempotencyKey === undefined ? {} : { idempotencyKey }
      const reply = await gateway.call('batch', params, envelope)
      assert.deepEqual([reply.code, reply.result], [1414, undefined])
      assert.match(reply.message, idempotencyKey === undefined ? /2097152 bytes/ : /262144 bytes/)
      assert.ok(process.memoryUsage().heapUsed - before < 64 * 1024 * 1024)
      assert.deepEqual([await usersOf(gateway), await claimsOf(gateway)], [0, 0])
      const dry = await gateway.call('batch', params, { ...envelope, dryRun: true })
      assert.equal(dry.code, 1414, 'a dry run says the same')
      if (idempotencyKey === undefined) continue
      const status = await gateway.call('request-status', { of_idempotency_key: idempotencyKey })
      assert.equal(status.result.state, 'unseen')
      // The key is free for what fits.
      assert.equal((await gateway.call('batch', { commands: [save] }, envelope)).code, 9031)
      await gateway.run('set-user', { id: 'alice', user: { remove: true } })
      await gateway.db.transaction((session) => session.run('delete from claims'))
    }
  }
})

/** A command of an operator's own with a result of so many bytes as JSON, after it has made a user. */
const sized = (permission: 'sized:write' | 'sized:read') =>
  ownCommand({
    name: permission === 'sized:write' ? 'sized/write' : 'sized/read',
    summary: 'Answer so many bytes',
    permission,
    params: Closed({ bytes: Type.Integer(), letter: Type.Optional(Type.String()) }),
    result: Closed({ text: Type.String() }),
    codes: { SIZED: { code: 10_001, message: 'Sized' } },
    async run({ bytes, letter = 'x' }, { store, now }) {
      if (permission === 'sized:write') await store.users.insert(`user-${bytes}`, { type: 3 }, now)
      const room = bytes - '{"text":""}'.length
      return ['SIZED', { text: letter.repeat(room / Buffer.byteLength(JSON.stringify(letter).slice(1, -1))) }]
    },
  })

const withSized = (t: TestContext): Promise<CommandInstance> =>
  instanceFor(t, { extra: [sized('sized:write'), sized('sized:read')], dialects })

test('the limit is of the bytes of the result as JSON: what has as many is answered, one more is 1414 without an effect', async (t) => {
  const gateway = await withSized(t)
  const rows: readonly (readonly [cmd: string, most: number, idempotent: boolean])[] = [
    ['sized/read', mostReply, false],
    ['sized/read', mostReply, true],
    ['sized/write', mostReply, false],
    ['sized/write', mostKept, true],
  ]
  for (const [cmd, most, idempotent] of rows) {
    for (const [index, letter] of ['x', 'ß', '\u0001', '\u{1f600}'].entries()) {
      // Divisible by the bytes of every letter.
      const share = 11 + Math.floor((most - 11) / 12) * 12
      const key = (part: string) => (idempotent ? { idempotencyKey: `${cmd}-${most}-${index}-${part}` } : {})
      const fits = await gateway.call(cmd, { bytes: share, letter }, key('fits'))
      assert.equal(fits.code, 10_001, `${cmd} ${letter}`)
      assert.equal(Buffer.byteLength(JSON.stringify(fits.result)), share)
      const before = await usersOf(gateway)
      const claims = await claimsOf(gateway)
      const large = await gateway.call(cmd, { bytes: share + 12, letter }, key('large'))
      assert.deepEqual([large.code, large.result], [1414, undefined], `${cmd} ${letter}`)
      // One for the list-users of before, which claims nothing.
      assert.deepEqual([await usersOf(gateway), await claimsOf(gateway)], [before, claims])
      await gateway.db.transaction((session) => session.run('delete from users'))
    }
  }
})

test('what an operator’s module answers is measured as it is spelled, whatever it says of itself', async (t) => {
  const large = 'x'.repeat(mostReply)
  const answers: readonly (readonly [code: number, result: unknown])[] = [
    [10_001, { text: large, toJSON: () => ({ text: 'small' }) }],
    [1414, { text: 'small', toJSON: () => ({ text: large }) }],
    [1500, { toJSON: () => 'no object' }],
    [1500, { text: 1n }],
    [1500, Object.defineProperty({}, 'text', { enumerable: true, get: () => assert.fail('a getter') })],
  ]
  let answer: unknown
  const odd = ownCommand({
    name: 'odd',
    summary: 'Answer something odd',
    permission: 'odd:write',
    params: Closed({ id: Type.String() }),
    result: Closed({ text: Type.String() }),
    codes: { ODD: { code: 10_001, message: 'Odd' } },
    // What a module returns is checked by nobody.
    run: async ({ id }, { store, now }): Promise<readonly ['ODD', { text: string }]> => {
      await store.users.insert(id, { type: 3 }, now)
      return ['ODD', answer as { text: string }]
    },
  })
  const gateway = await instanceFor(t, { extra: [odd] })
  for (const [index, [code, result]] of answers.entries()) {
    answer = result
    const alone = await gateway.call('odd', { id: `alone-${index}` })
    assert.equal(alone.code, code, `row ${index}`)
    const carried = await gateway.call('batch', { commands: [{ cmd: 'odd', id: `carried-${index}` }] })
    assert.equal(carried.code, code === 10_001 ? 9031 : code, `row ${index} in a batch`)
    if (code === 10_001) {
      assert.deepEqual([alone.result, carried.result.results[0].result], [{ text: 'small' }, { text: 'small' }])
    }
  }
  assert.equal(await usersOf(gateway), 2)
})

test('an outcome that an earlier version kept, larger than a reply may be, is told without its result', async (t) => {
  const gateway = await instanceFor(t)
  const envelope = { idempotencyKey: 'kept-before' }
  assert.equal((await gateway.call('set-user', { id: 'alice', user: { type: 3 } }, envelope)).code, 3011)
  await gateway.db.transaction((session) =>
    session.run('update claims set outcome = $1', [JSON.stringify({ id: 'a'.repeat(mostReply) })]),
  )
  const again = await gateway.call('set-user', { id: 'alice', user: { type: 3 } }, envelope)
  assert.deepEqual([again.code, again.replayed, again.result], [3011, true, undefined])
  const status = await gateway.call('request-status', { of_idempotency_key: 'kept-before' })
  assert.deepEqual([status.result.state, status.result.outcome.code], ['done', 3011])
  assert.equal(status.result.outcome.result, undefined)
})
