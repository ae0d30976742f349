import { createHmac, randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { nanoid } from 'nanoid'
import { type Credentials, type Envelope, signMessage } from '../../clients/typescript/index.js'
import { Closed, Int, Secret, Text, Type } from '../../schemas/types.js'
import { callerOf } from '../../src/admit.js'
import { Authorities, type Authority } from '../../src/authority.js'
import type { Call } from '../../src/call.js'
import { register } from '../../src/catalogue.js'
import { type Command, ownCommand } from '../../src/command.js'
import { Executor } from '../../src/execute.js'
import { generateKey, generateReadable, generateToken } from '../../src/generate.js'
import { Load } from '../../src/load.js'
import { passwords } from '../../src/passwords.js'
import { AuditTrail } from '../../src/store/audit-trail.js'
import type { Db } from '../../src/store/db.js'
import { Keys } from '../../src/store/keys.js'
import { Ledger } from '../../src/store/ledger.js'
import { Notes } from '../../src/store/notes.js'
import { Records } from '../../src/store/records.js'
import { type TestInstance, type TestOptions, type TestReply, testInstance } from '../support/instance.js'

/** An instance that is closed when the test ends, however it ends. */
export async function instanceFor(t: TestContext, options: TestOptions = {}): Promise<TestInstance> {
  const instance = await testInstance(options)
  t.after(() => instance.close())
  return instance
}

/** A signed message, to be sent as often as a test likes. */
export function signed(
  instance: TestInstance,
  cmd: string,
  params: object = {},
  { by = instance.owner, ...envelope }: Partial<Envelope> & { by?: Credentials } = {},
): string {
  return signMessage(cmd, params, by, { timestamp: instance.seconds(), ...envelope }).body
}

/** Sends bytes as they are; the reply's JSON. */
export const sent = async (instance: TestInstance, body: string): Promise<TestReply> =>
  JSON.parse((await instance.post(body)).body)

/** A promise that is kept by hand. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open: () => void = () => undefined
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}

/** A command that adds to a number, so that every effect shows, and counts how often it was prepared and run. */
export interface Counter {
  readonly command: Command
  prepared: number
  ran: number
  /** Called inside `prepare`: what it awaits, the preparation waits for. */
  beforePrepared: () => Promise<void> | void
  /** Called inside `run`, after the effect. */
  afterEffect: (params: { id: string; by: number; refuse: boolean }) => Promise<void> | void
}

const Count = Closed({
  id: Text(64, 'which number'),
  by: Type.Integer({ minimum: 0, maximum: 1000, default: 1, description: 'how much' }),
  refuse: Type.Boolean({ default: false, description: 'answer "not done" after the effect' }),
})

/** `id`, `by` (1 unless given), `refuse` (answers 10000 after the effect); done is 10001. */
export function counter(name = 'count'): Counter {
  const probe: Counter = {
    prepared: 0,
    ran: 0,
    beforePrepared: () => undefined,
    afterEffect: () => undefined,
    command: ownCommand({
      name,
      summary: 'Add to a number',
      permission: 'counters:write',
      params: Count,
      result: Closed({ sum: Int(0, 2 ** 53 - 1, 'the number afterwards') }),
      codes: { NOT_COUNTED: { code: 10000, message: 'Not counted' }, COUNTED: { code: 10001, message: 'Counted' } },
      target: ({ id }) => id,
      async prepare() {
        probe.prepared++
        await probe.beforePrepared()
      },
      async run(params, { store }) {
        probe.ran++
        const sum = await store.records.add('count', params.id, params.by)
        await probe.afterEffect(params)
        return params.refuse ? ['NOT_COUNTED', { sum }] : ['COUNTED', { sum }]
      },
    }),
  }
  return probe
}

/** What a counter's number is in the database; 0 before the first. */
export const counted = async (db: Db, id: string, account = 1): Promise<number> =>
  Number((await new Records(db, account).get('count', id)) ?? 0)

/** A secret that nobody else would write: found in a file, it got there from a command. */
export const canary = (name: string): string => `canary-${name}-7d1f0c`

/** Answers secrets at every depth that a schema can mark: a member, a member of list elements, list elements, a map, a variant. */
export const minting = ownCommand({
  name: 'mint',
  summary: 'Show secrets of every shape once',
  permission: 'minting:write',
  params: Closed({ id: Text(64, 'part of the secrets') }),
  result: Type.Union([
    Closed({
      id: Type.String(),
      token: Secret('a member'),
      devices: Type.Array(Closed({ name: Type.String(), password: Secret('a member of elements') })),
      codes: Type.Array(Secret('elements')),
      sites: Type.Record(Type.String(), Secret('members of a map')),
      keys: Type.Union([Type.Record(Type.String(), Type.Boolean()), Type.Null()], { secret: true }),
    }),
    Closed({ nothing: Type.Boolean() }),
  ]),
  codes: { MINTED: { code: 10003, message: 'Minted' } },
  async run({ id }) {
    return [
      'MINTED',
      {
        id,
        token: canary(`${id}-token`),
        devices: [{ name: 'tv', password: canary(`${id}-device`) }],
        codes: [canary(`${id}-code`)],
        sites: { home: canary(`${id}-site`) },
        keys: { [canary(`${id}-key`)]: true },
      },
    ]
  },
})

/** What `mint` answers where its secrets are withheld. */
export const withheld = (id: string) => ({
  id,
  token: null,
  devices: [{ name: 'tv', password: null }],
  codes: [null],
  sites: { home: null },
  keys: null,
})

export interface Fifth {
  readonly executor: Executor
  readonly authorities: Authorities
  /** A call as the gateway would make it once it had admitted the key. */
  call(command: Command, params: Record<string, unknown>, authority: Authority, idempotencyKey?: string): Call
}

/** The fifth step alone, on an instance's database: for what the gateway gives no handle on, such as the time limit. */
export function fifthStep({ db, vault }: TestInstance, commands: readonly Command[], timeLimit = 10_000): Fifth {
  const registry = register(commands)
  const authorities = new Authorities((keyId, queries = db) => new Keys(queries, vault).load(keyId))
  const chainKey = vault.derive('audit')
  const chainMac = (text: string) => createHmac('sha256', chainKey).update(text).digest('hex')
  const ledger = new Ledger({
    db,
    node: 'sqlite',
    chainMac,
    notes: new Notes(),
    now: () => Math.floor(Date.now() / 1000),
    onDoubt: () => authorities.dropAll(),
    onTrouble: () => undefined,
  })
  const executor = new Executor({
    registry,
    db,
    ledger,
    authorities,
    sealing: vault,
    passwords: passwords(randomBytes),
    load: new Load(),
    paramsKey: vault.derive('params'),
    earlierParamsKeys: [],
    id: nanoid,
    newKey: () => generateKey({ randomBytes, randomName: nanoid }),
    newToken: () => generateToken({ randomBytes }),
    readable: (length) => generateReadable({ randomBytes }, length),
    catalogue: () => [],
    trailOn: (queries, pace) => new AuditTrail(queries, chainMac, undefined, pace),
    keeps: { samples: 86_400, minutes: 86_400, hours: 86_400, days: 86_400 },
    timeLimit,
  })
  return {
    executor,
    authorities,
    call(command, params, authority, idempotencyKey) {
      const registered = registry.get(command.name)
      if (!registered) throw new Error(`${command.name} is not registered`)
      registered.check(params)
      const nowMs = Date.now()
      const timestamp = Math.floor(nowMs / 1000)
      const [newest] = authority.secrets
      if (!newest) throw new Error('the key has no secret')
      const message = { timestamp, mac: randomBytes(32).toString('hex'), key: newest.key, idempotencyKey }
      const caller = callerOf(authority, '127.0.0.1')
      const requestId = nowMs.toString(36) + nanoid(13)
      return { requestId, nowMs, registered, params, caller, authority, dialect: 'native', message, dryRun: false }
    },
  }
}

/** The same database with some of its methods replaced. */
export const wrapped = (db: Db, methods: Partial<Db>): Db => ({
  maxBatch: db.maxBatch,
  lanes: db.lanes,
  exclusive: db.exclusive,
  all: (sql, params) => db.all(sql, params),
  get: (sql, params) => db.get(sql, params),
  run: (sql, params) => db.run(sql, params),
  piece: (sql, params, most) => db.piece(sql, params, most),
  transaction: (work) => db.transaction(work),
  changedElsewhere: () => db.changedElsewhere(),
  listen: (onTold, schema) => db.listen(onTold, schema),
  serverClock: () => db.serverClock(),
  joined: () => db.joined(),
  takeAlone: () => db.takeAlone(),
  programs: () => db.programs(),
  lossySettings: () => db.lossySettings(),
  repair: () => db.repair(),
  close: () => db.close(),
  ...methods,
})
