import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { nanoid } from 'nanoid'
import type { Credentials } from '../../clients/typescript/index.js'
import { Closed, Type } from '../../schemas/types.js'
import { command } from '../../src/command.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { mac } from '../support/instance.js'
import { elsewhere, makeKey } from '../support/keys.js'

/** A message, and the state of what it meets. */
interface Plan {
  readonly address: string
  readonly contentEncoding: string | undefined
  /** Follows the signed message. */
  readonly rest: string
  readonly members: Readonly<Record<string, unknown>>
  readonly secret: string | undefined
  readonly usedBefore: boolean
  readonly exhausted: boolean
  /** Columns of the key that another process changes. */
  readonly key: Readonly<Record<string, string | number>>
  readonly fails: 'prepare' | 'run' | undefined
}

interface Fault {
  readonly what: string
  readonly code: number
  /** Where two faults have one code, the text tells them apart. */
  readonly says: RegExp
  readonly plan: Partial<Plan>
}

const blocked = '10.66.6.6'
const bodyLimit = 4096

/** In the order of protocol §4. */
const faults: readonly Fault[] = [
  { what: 'an address without failures left', code: 1429, says: /Too many/, plan: { address: blocked } },
  { what: 'a body over the limit', code: 1413, says: /4096/, plan: { rest: ' '.repeat(bodyLimit) } },
  { what: 'an encoded body', code: 1415, says: /Content-Encoding/, plan: { contentEncoding: 'gzip' } },
  { what: 'broken JSON', code: 1400, says: /not valid JSON/, plan: { members: { lone: '\ud800' } } },
  { what: 'a broken envelope', code: 1400, says: /dry_run/, plan: { members: { dry_run: 'yes' } } },
  { what: 'a wrong signature', code: 1401, says: /Unknown key/, plan: { secret: 'wrong' } },
  { what: 'a stale timestamp', code: 1402, says: /behind/, plan: { members: { timestamp: 1 } } },
  { what: 'a disabled key', code: 1407, says: /disabled/, plan: { key: { enable: 0 } } },
  { what: 'a strange address', code: 1406, says: /address list/, plan: { key: { addresses: '["192.0.2.1"]' } } },
  { what: 'another account', code: 1403, says: /cdn/, plan: { members: { cdn: 2 } } },
  { what: 'another audience', code: 1403, says: /audience/, plan: { members: { audience: 'another' } } },
  { what: 'a key without messages left', code: 1429, says: /Too many/, plan: { exhausted: true } },
  { what: 'an unknown command', code: 1404, says: /Unknown command/, plan: { members: { cmd: 'laddr' } } },
  { what: 'a missing permission', code: 1403, says: /users:write/, plan: { key: { permissions: '["users:read"]' } } },
  { what: 'a wrong parameter', code: 1422, says: /id/, plan: { members: { id: 7 } } },
  { what: 'an idempotency_key used for something else', code: 1410, says: /used for/, plan: { usedBefore: true } },
  { what: 'a failing preparation', code: 1500, says: /Internal/, plan: { fails: 'prepare' } },
  { what: 'a command that answers no', code: 3010, says: /not saved/, plan: { fails: 'run' } },
]
const firstSigned = 6

let fails: Plan['fails']
const ladder = command({
  name: 'ladder',
  summary: 'Fails where it is told to',
  permission: 'users:write',
  params: Closed({ id: Type.String() }),
  result: Closed({}),
  codes: ['USER_NOT_SAVED', 'USER_SAVED'],
  async prepare() {
    if (fails === 'prepare') throw new Error('told to fail')
  },
  run: async () => [fails === 'run' ? 'USER_NOT_SAVED' : 'USER_SAVED'],
})

/** Time stands still, so that no limit is forgotten while its test runs. */
async function ladderInstance(t: TestContext): Promise<CommandInstance> {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.now() })
  const gateway = await instanceFor(t, { extra: [ladder], bodyLimit, limitFailures: 1, limitKey: 3, elapsed: () => 0 })
  assert.equal((await meet(gateway, blocked, [{ secret: 'wrong' }])).code, 1401)
  return gateway
}

interface Answer {
  readonly code: number
  readonly message: string
  readonly signed: boolean
}

/** Brings about everything that is planned, then sends the message. */
async function meet(gateway: CommandInstance, address: string, plans: readonly Partial<Plan>[]): Promise<Answer> {
  const by = await makeKey(gateway)
  const usual = { cmd: 'ladder', id: 'a', timestamp: gateway.seconds(), idempotency_key: nanoid(), api_key: by.apiKey }
  const plan: Partial<Plan> = Object.assign({ address }, ...plans)
  const members = Object.assign(usual, ...plans.map((one) => one.members))
  if (plan.usedBefore) {
    const first = await gateway.call('ladder', { id: 'other' }, { by, idempotencyKey: members.idempotency_key })
    assert.equal(first.code, 3011)
  }
  if (plan.exhausted) await exhaust(gateway, by)
  for (const [column, value] of Object.entries(Object.assign({}, ...plans.map(({ key }) => key)))) {
    await elsewhere(gateway, `update keys set ${column} = $2 where key_id = $1`, [by.apiKey, String(value)])
  }
  const text = JSON.stringify(members)
  const body = `${text.slice(0, -1)},"signature":"${mac(plan.secret ?? by.secret, text)}"}${plan.rest ?? ''}`
  fails = plan.fails
  const reply = await gateway.post(body, { address: plan.address ?? '', contentEncoding: plan.contentEncoding })
  fails = undefined
  return { ...JSON.parse(reply.body), signed: reply.headers.some(([name]) => name === 'Countersign-Reply') }
}

async function exhaust(gateway: CommandInstance, by: Credentials): Promise<void> {
  const codes: number[] = []
  while (!codes.includes(1429) && codes.length < 10) codes.push((await gateway.call('ping', {}, { by })).code)
  assert.equal(codes.at(-1), 1429)
}

test('each fault alone has its own code, and without any the command runs', async (t) => {
  const gateway = await ladderInstance(t)
  assert.equal((await meet(gateway, '10.0.0.1', [])).code, 3011)
  for (const [index, { what, code, says, plan }] of faults.entries()) {
    const answer = await meet(gateway, `10.1.${index}.1`, [plan])
    assert.deepEqual([answer.code, answer.signed], [code, index >= firstSigned], `${what}: ${answer.message}`)
    assert.match(answer.message, says)
  }
})

test('of any two faults the one that is checked earlier is told, and nothing of the other', async (t) => {
  const gateway = await ladderInstance(t)
  for (const [index, { what, code, says, plan }] of faults.entries()) {
    for (const [distance, later] of faults.slice(index + 1).entries()) {
      const answer = await meet(gateway, `10.2.${index}.${distance}`, [later.plan, plan])
      const both = `${what}, and ${later.what}: ${answer.message}`
      assert.deepEqual([answer.code, answer.signed], [code, index >= firstSigned], both)
      assert.match(answer.message, says, both)
    }
  }
})
