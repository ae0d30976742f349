import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { Closed, Text, Type } from '../../schemas/types.js'
import { type Command, type Context, ownCommand, Refusal } from '../../src/command.js'
import { counted, counter, fifthStep, instanceFor, sent, signed } from './probes.js'

const Params = Closed({ id: Text(64, 'which number'), list: Type.Array(Type.Integer(), { default: [1] }) })
interface Given {
  id: string
  list: number[]
}
type Run = (params: Given, context: Context<unknown>) => Promise<readonly ['DONE', object]>

/** An operator's command that adds 1 to a number, then does what it should not. */
const module = (
  run: Run,
  options: { permission?: string; prepare?: (params: Given) => Promise<unknown> } = {},
): Command =>
  ownCommand({
    name: 'module',
    summary: 'Misbehave',
    permission: options.permission ?? 'modules:write',
    params: Params,
    result: Closed({ id: Type.Optional(Type.String()) }),
    codes: { DONE: { code: 10001, message: 'Done' } },
    target: ({ id }) => id,
    prepare: options.prepare ?? (async () => undefined),
    async run(params, context) {
      if (context.store && !options.permission) await context.store.records.add('count', params.id, 1)
      return run(params, context)
    },
  })

/** An instance with the module, a well-behaved neighbour, and what the operator's log says. */
async function withModule(t: TestContext, command: Command) {
  const lines: string[] = []
  const logger = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
  const instance = await instanceFor(t, { extra: [command, counter().command], logger })
  return { instance, lines }
}

const faults: readonly { readonly what: string; readonly run: Run; readonly logged: RegExp }[] = [
  { what: 'throws', run: () => Promise.reject(new Error('detail 81')), logged: /detail 81/ },
  {
    what: 'throws what is no Error',
    run: () => Promise.reject(undefined),
    logged: /a command failed/,
  },
  {
    what: 'awaits a timer',
    run: async () => {
      await delay(100)
      return ['DONE', {}]
    },
    logged: /awaited something other than the store/,
  },
  { what: 'never ends', run: () => new Promise(() => undefined), logged: /awaited something other than the store/ },
  {
    what: 'waits for a write of its own',
    run: async (_params, { requests }) => ['DONE', await requests.void('job-81-step-9')],
    logged: /awaited something other than the store/,
  },
  { what: 'answers an undeclared code', run: async () => ['OTHER', {}] as never, logged: /undeclared code OTHER/ },
  { what: 'answers nothing', run: async () => undefined as never, logged: /module/ },
  { what: 'answers a text', run: async () => ['DONE', 'text'] as never, logged: /result that is no object/ },
  { what: 'answers what is no JSON', run: async () => ['DONE', { id: 1n }], logged: /BigInt/ },
  {
    what: 'answers what holds itself',
    run: async () => {
      const result: { id?: object } = {}
      result.id = result
      return ['DONE', result]
    },
    logged: /circular/,
  },
]
for (const { what, run, logged } of faults) {
  for (const keyed of [true, false]) {
    test(`a module that ${what} is 1500, ${keyed ? 'with' : 'without'} a key: taken back, logged by name, its neighbours kept`, async (t) => {
      const { instance, lines } = await withModule(t, module(run))
      const message = (cmd: string, id: string) =>
        signed(instance, cmd, { id }, keyed ? { idempotencyKey: `job-${cmd}-${id}` } : {})
      const [before, bad, after] = await Promise.all(
        [message('count', 'a'), message('module', 'b'), message('count', 'c')].map((body) => sent(instance, body)),
      )
      assert.deepEqual([before?.code, bad?.code, after?.code], [10001, 1500, 10001])
      assert.equal(bad?.message, 'Internal error: nothing was kept; give the operator the request id')
      const numbers = await Promise.all(['a', 'b', 'c'].map((id) => counted(instance.db, id)))
      assert.deepEqual(numbers, [1, 0, 1])
      const [line = '', ...others] = lines
      assert.deepEqual([others, JSON.parse(line).cmd, JSON.parse(line).request_id], [[], 'module', bad?.request_id])
      assert.match(line, logged)
      assert.equal((await instance.call('count', { id: 'a' }, { timestamp: instance.seconds() + 1 })).code, 10001)
    })
  }
}

test('a preparation that throws is 1500 before anything runs', async (t) => {
  const command = module(async () => ['DONE', {}], { prepare: () => Promise.reject(new Error('no')) })
  const { instance } = await withModule(t, command)
  assert.equal((await instance.call('module', { id: 'n' }, { idempotencyKey: 'job-81-step-3' })).code, 1500)
  assert.equal(await counted(instance.db, 'n'), 0)
})

const spoil = (params: Given): object => {
  params.id = 'another'
  params.list.push(2)
  return {}
}
for (const [where, command] of [
  ['run', module(async (params) => ['DONE', spoil(params)])],
  ['prepare', module(async () => ['DONE', {}], { prepare: async (params) => spoil(params) })],
] as const) {
  test(`a module that changes its parameters in ${where} deceives neither the audit trail nor the comparison with a twin`, async (t) => {
    const { instance } = await withModule(t, command)
    const body = signed(instance, 'module', { id: 'n' }, { idempotencyKey: 'job-81-step-3' })
    const first = await sent(instance, body)
    const again = await sent(instance, body)
    const twins = await Promise.all(
      [1, 2, 3].map((later) =>
        instance.call(
          'module',
          { id: 'n', list: [1] },
          { idempotencyKey: 'job-81-step-3', timestamp: instance.seconds() + later },
        ),
      ),
    )
    assert.deepEqual([first.code, again.code, again.replayed], [10001, 10001, true])
    for (const twin of twins) assert.deepEqual([twin.code, twin.replayed], [10001, true])
    assert.deepEqual(await instance.db.all('select target from audit where command = $1', ['module']), [
      { target: 'n' },
    ])
  })
}

test('a read that tries to write is 1500, and nothing is written', async (t) => {
  const writing: readonly Run[] = [
    ({ id }, { store }) => store.records.set('count', id, 1).then(() => ['DONE', {}]),
    ({ id }, { store }) => store.records.add('count', id, 1).then(() => ['DONE', {}]),
  ]
  for (const run of writing) {
    const { instance } = await withModule(t, module(run, { permission: 'modules:read' }))
    assert.equal((await instance.call('module', { id: 'n' })).code, 1500)
    assert.equal(await counted(instance.db, 'n'), 0)
    assert.equal(await instance.writable(), true)
  }
})

const refused = (code: string) => (error: unknown) => error instanceof Refusal && error.code === code

test('a read that never ends is 1504, a preparation that never ends is 1503', async (t) => {
  const instance = await instanceFor(t)
  const never = () => new Promise<never>(() => undefined)
  for (const [command, code] of [
    [module(never, { permission: 'modules:read' }), 'TIMED_OUT'],
    [module(async () => ['DONE', {}], { prepare: never }), 'OVERLOADED'],
  ] as const) {
    const { executor, authorities, call } = fifthStep(instance, [command], 20)
    const authority = await authorities.load(instance.owner.apiKey)
    await assert.rejects(executor.execute(call(command, { id: 'n' }, authority, 'job-81-step-3')), refused(code))
  }
  assert.equal(await counted(instance.db, 'n'), 0)
})
