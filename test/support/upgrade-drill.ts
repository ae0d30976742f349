import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { countFaults, type Nodes, nodesFor, spread } from './nodes.js'
import { type Ran, run } from './server.js'
import { nextVersion, type Version } from './versions.js'

export interface UpgradeOptions {
  /** Clients that send at the same time. */
  readonly parallel: number
  /** Milliseconds that each of them rests after a command. */
  readonly rest: number
  /** Milliseconds of load between the steps. */
  readonly pause: number
  /** How often both gateways are upgraded and go back, before the upgrade is finished. */
  readonly rounds: number
}

/** A column that every ticket has in the end: this version does not fill it. */
const contractSql = `update tickets set made_by = 'before' where made_by is null;
alter table tickets alter column made_by set not null;
`

/**
 * Upgrades two gateways under load to a next version and one of them back, as docs/operations.md says it, then finishes the upgrade.
 * Every command is done, once; nobody is answered anything else.
 */
export async function upgradeDrill(t: TestContext, options: UpgradeOptions): Promise<void> {
  const next = nextVersion(t, contractSql)
  const nodes = await nodesFor(t, 2)
  const load = underLoad(nodes, options)
  try {
    for (let round = 1; round <= options.rounds; round++) {
      await upgradeAndBack(nodes, next, options.pause)
      if (round < options.rounds) await nodes.restart(0, { signal: 'SIGTERM' })
    }
    await finish(nodes, next, options.pause)
  } finally {
    await load.end()
  }
  t.diagnostic(JSON.stringify({ commands: load.done(), unanswered: load.unanswered() }))
  assert.deepEqual(await load.end(), [])
  assert.deepEqual(await countFaults(nodes, 'upgrade', load.done()), [])
  assert.deepEqual(await made(nodes), ['before', 'next'])
}

/** Both nodes, one after the other, and the second one back. What cannot be done in between is tried. */
async function upgradeAndBack(nodes: Nodes, next: Version, pause: number): Promise<void> {
  await delay(pause)
  await nodes.restart(0, { program: next.program, signal: 'SIGTERM' })
  await delay(pause)
  // It crashes beside the newer one, and starts again on the newer schema.
  await nodes.restart(1)
  assert.match(nodes.servers[1]?.log() ?? '', /a newer version has upgraded the database/)
  const mixed = await doctor(nodes, next)
  assert.match(mixed, new RegExp(`different versions are at work, with schema ${next.before} and ${next.schema}`))
  assert.match(mixed, new RegExp(`not finished: ${next.contract} waits`))
  const early = await cli(nodes, next, 'migrate', '--finish')
  assert.deepEqual([early.status, /schema .* are connected to the database/.test(early.stderr)], [8, true])
  await nodes.restart(1, { program: next.program, signal: 'SIGTERM' })
  await delay(pause)
  await nodes.restart(1, { signal: 'SIGTERM' })
  await delay(pause)
}

async function finish(nodes: Nodes, next: Version, pause: number): Promise<void> {
  await nodes.restart(1, { program: next.program, signal: 'SIGTERM' })
  const { status, stdout, stderr } = await cli(nodes, next, 'migrate', '--finish')
  assert.equal(status, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), { applied: [next.contract], waiting: [], schema: next.contract })
  await delay(pause)
  const refused = nodes.restart(1, { signal: 'SIGTERM' })
  await assert.rejects(refused, new RegExp(`does not know .*${next.contract}.*: run the newer version`))
}

interface Load {
  /** Waits until what was sent is answered; what was answered wrongly. */
  end(): Promise<string[]>
  done(): number
  /** Commands that a node did not answer at all, so that they were sent to the other one. */
  unanswered(): number
}

function underLoad(nodes: Nodes, { parallel, rest }: UpgradeOptions): Load {
  let ending = false
  let done = 0
  let unanswered = 0
  const faults: string[] = []
  const running = spread(nodes, {
    count: Number.POSITIVE_INFINITY,
    more: () => !ending,
    parallel,
    rest,
    resendOneIn: 20,
    tag: 'upgrade',
    onDone: (now) => {
      done = now
    },
    onReply(reply) {
      if (!reply) unanswered++
      else if (reply.code !== 2011) faults.push(JSON.stringify(reply))
    },
  })
  return {
    async end() {
      ending = true
      return [...faults, ...(await running)]
    },
    done: () => done,
    unanswered: () => unanswered,
  }
}

const cli = (nodes: Nodes, { program }: Version, ...args: readonly string[]): Promise<Ran> =>
  run(process.execPath, [program, ...args, '--data', nodes.servers[0]?.folder ?? ''], {
    env: { ...nodes.env, COUNTERSIGN_PORT: '0' },
  })

const doctor = async (nodes: Nodes, version: Version): Promise<string> => (await cli(nodes, version, 'doctor')).stdout

/** Which versions have made tickets. */
const made = async (nodes: Nodes): Promise<string[]> =>
  (await nodes.rows<{ maker: string }>('select distinct made_by as maker from tickets order by 1')).map(
    ({ maker }) => maker,
  )
