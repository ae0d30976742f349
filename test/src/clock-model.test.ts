import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Meta } from '../../src/store/meta.js'
import { type TestInstance, type TestOptions, testInstance } from '../support/instance.js'
import { onPostgres } from '../support/postgres.js'
import { counted, counter, instanceFor, sent, signed, wrapped } from './probes.js'

const year = 365 * 86_400
const keep = 700

/** On PostgreSQL two nodes, each with a clock of its own, and the clock of the server. */
const nodes = onPostgres ? 2 : 1
const node = fc.nat(nodes - 1)
const offset = fc.constantFrom(0, 0, 4, -4, 200, -200, 1_100, -1_100, 5_000, 10 * year, -year)

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(20, 100, 350, 650, 1_500) }),
    fc.record({ do: fc.constant('set' as const), node, offset }),
    ...(onPostgres ? [fc.record({ do: fc.constant('set the server' as const), offset })] : []),
    fc.record({ do: fc.constant('restart' as const), node }),
    fc.record({
      do: fc.constant('sign' as const),
      node,
      keyed: fc.boolean(),
      skew: fc.integer({ min: -290, max: 290 }),
    }),
    fc.record({ do: fc.constant('sign by the wrong clock' as const), node }),
    fc.record({ do: fc.constant('sign again' as const), node, which: fc.nat() }),
    fc.record({ do: fc.constant('send again' as const), node, which: fc.nat() }),
  ),
  { minLength: 3, maxLength: 24 },
)

/** Gateways whose clocks are the true one and an offset each, and which are started anew on the same database. */
class World {
  /** Seconds. */
  readonly time = { true: 1_800_000_000, monotonic: 0, offsets: [0, 0], server: 0 }
  private made: TestInstance | undefined
  private readonly running: (TestInstance | undefined)[] = []

  async begin(): Promise<this> {
    this.made = await testInstance(this.optionsOf(0))
    for (let other = 1; other < nodes; other++) await this.restart(other)
    return this
  }

  /** The gateway that made the folder keeps it until the end; those that were started last serve. */
  get first(): TestInstance {
    assert.ok(this.made)
    return this.made
  }

  serving(node: number): TestInstance {
    return this.running[node] ?? this.first
  }

  /** Seconds go by; the chores of each minute are done. */
  async pass(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 60) {
      const some = Math.min(60, left)
      this.time.true += some
      this.time.monotonic += some
      for (let n = 0; n < nodes; n++) await this.serving(n).forget()
    }
  }

  async restart(node: number): Promise<void> {
    await this.running[node]?.close()
    const restarted = await testInstance({ ...this.optionsOf(node), folder: this.first.folder })
    this.running[node] = restarted
    await restarted.forget()
  }

  async end(): Promise<void> {
    for (const instance of this.running) await instance?.close()
    await this.first.close()
  }

  private optionsOf(node: number): TestOptions {
    const { time } = this
    const server = { serverClock: async () => (time.true + time.server) * 1000 }
    return {
      extra: [counter().command],
      keep,
      now: () => (time.true + (time.offsets[node] ?? 0)) * 1000,
      elapsed: () => time.monotonic * 1000,
      settling: 600_000,
      ...(onPostgres && { wrap: (db) => wrapped(db, server) }),
    }
  }
}

interface Job {
  readonly id: string
  readonly keyed: boolean
  /** The true time of its first effect. */
  ranAt: number | undefined
}

interface Sent {
  readonly job: Job
  readonly body: string
  ran: number
}

/** Signs and sends, and counts what each message did. */
class Client {
  readonly messages: Sent[] = []

  constructor(private readonly world: World) {}

  sign(
    timestamp: number,
    keyed: boolean,
    job: Job = { id: `job-${this.messages.length}`, keyed, ranAt: undefined },
  ): Sent {
    const { first } = this.world
    const envelope = { timestamp, by: first.owner, ...(job.keyed && { idempotencyKey: `key-of-${job.id}` }) }
    const made = { job, body: signed(first, 'count', { id: job.id }, envelope), ran: 0 }
    this.messages.push(made)
    return made
  }

  async send(message: Sent, node = 0): Promise<number> {
    const { time } = this.world
    const serving = this.world.serving(node)
    const before = await counted(serving.db, message.job.id)
    const { code } = await sent(serving, message.body)
    if ((await counted(serving.db, message.job.id)) === before) return code
    assert.equal(++message.ran, 1, 'a message ran twice')
    const { keyed, ranAt } = message.job
    if (keyed && ranAt !== undefined) assert.ok(time.true - ranAt >= keep, 'a key was used anew before its time')
    message.job.ranAt = time.true
    return code
  }
}

test('however the clock is set and the gateway restarted: no message and no key runs twice, and a right clock serves at once', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      const world = await new World().begin()
      const { time } = world
      const client = new Client(world)
      const { messages } = client
      const nth = (which: number) => messages[which % messages.length]
      try {
        for (const step of given) {
          if (step.do === 'pass') await world.pass(step.seconds)
          else if (step.do === 'set') time.offsets[step.node] = step.offset
          else if (step.do === 'set the server') time.server = step.offset
          else if (step.do === 'restart') await world.restart(step.node)
          else if (step.do === 'sign') await client.send(client.sign(time.true + step.skew, step.keyed), step.node)
          else if (step.do === 'sign by the wrong clock') {
            await client.send(client.sign(time.true + (time.offsets[step.node] ?? 0), false), step.node)
          } else {
            const message = nth(step.which)
            if (message === undefined) continue
            const again = step.do === 'sign again' && message.job.keyed
            await client.send(again ? client.sign(time.true, true, message.job) : message, step.node)
          }
        }
        time.offsets.fill(0)
        time.server = 0
        for (const message of [...messages]) await client.send(message)
        const floor = await new Meta(world.first.db).floor()
        // A client may have dated a message ahead by up to the window.
        assert.ok(floor <= time.true + 290, `the floor is ${floor - time.true} s ahead`)
        await world.pass(Math.max(0, floor - time.true) + 1)
        for (let n = 0; n < nodes; n++) assert.equal(await client.send(client.sign(time.true, false), n), 10001)
      } finally {
        await world.end()
      }
    }),
    { numRuns: onPostgres ? 25 : 40 },
  )
})

test('one start with a clock ten years ahead forgets nothing and leaves the floor where it is, however long it lasts', async (t) => {
  const world = await new World().begin()
  t.after(() => world.end())
  const { time, first } = world
  const body = signed(first, 'count', { id: 'n' }, { idempotencyKey: 'job-81-step-3', timestamp: time.true })
  assert.equal((await sent(first, body)).code, 10001)
  time.offsets[0] = 10 * year
  await world.restart(0)
  await world.pass(86_400)
  assert.equal(await new Meta(first.db).floor(), 0)
  time.offsets[0] = 0
  const again = await first.call('count', { id: 'n' }, { idempotencyKey: 'job-81-step-3' })
  assert.deepEqual([again.code, again.replayed], [10001, true])
  assert.equal(await counted(first.db, 'n'), 1)
})

test('a node that is 1,100 s ahead of the database server is not ready, forgets nothing, and silences nobody', async (t) => {
  const monotonic = { ms: 0 }
  const ahead = { ms: 1_100_000 }
  const instance = await instanceFor(t, {
    extra: [counter().command],
    keep,
    elapsed: () => monotonic.ms,
    now: () => Date.now() + ahead.ms,
    wrap: (db) => wrapped(db, { serverClock: async () => Date.now() }),
  })
  assert.match((await instance.clockFault()) ?? '', /1100 s ahead/)
  assert.equal((await instance.call('count', { id: 'n' }, { timestamp: instance.seconds() })).code, 10001)
  ahead.ms += 10_000_000
  await instance.call('ping')
  assert.equal(await instance.forget(), 0)
  assert.equal(await new Meta(instance.db).floor(), 0)
  assert.ok(((await instance.storage()).clockAhead ?? 0) > 1_000)
  ahead.ms = 0
  monotonic.ms += 10_000
  assert.equal(await instance.clockFault(), undefined)
  assert.equal((await instance.call('count', { id: 'm' })).code, 10001)
})
