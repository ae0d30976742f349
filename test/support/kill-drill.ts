import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { signMessage } from '../../clients/typescript/index.js'
import { counter } from './counter.js'
import { faultsOf, readFolder } from './folder.js'
import { type Ran, removeFolder, runCli, serverFor, type TestServer, temporaryFolder } from './server.js'

const workers = 16

/** What one command is, how often its effect and its audit rows are found, and the code that says done. */
const kinds = {
  count: {
    cmd: 'test/count',
    code: 10001,
    params: (id: string) => ({ id }),
    target: (id: string) => id,
    effects: "select id, cast(value as integer) as times from records where kind = 'count' and id not like 'b-%'",
  },
  create: {
    cmd: 'set-user',
    code: 3011,
    params: (id: string) => ({ id, user: { type: 3, comment: `made as ${id}` } }),
    target: (id: string) => id,
    effects: "select id, 1 as times from users where id not like 'cli-%'",
  },
  toggle: {
    cmd: 'toggle-user',
    code: 3021,
    params: (id: string) => ({ id }),
    target: (id: string) => id,
    effects: "select id, 1 - enable as times from users where id not like 'cli-%'",
  },
  stream: {
    cmd: 'sevu.addstreamuser',
    code: 2061,
    params: (id: string) => ({ app: 'demo', stream: 'live', user: id }),
    target: (id: string) => `demo/live/${id}`,
    effects: "select publisher as id, count(*) as times from stream_users where app = 'demo' group by publisher",
  },
  batch: {
    cmd: 'batch',
    code: 9031,
    params: (id: string) => ({
      commands: [
        { cmd: 'sevu.addstreamuser', app: 'batch', stream: 'live', user: `b-${id}` },
        { cmd: 'test/count', id: `b-${id}` },
      ],
    }),
    // Its two items are there together, once.
    target: (id: string) => `b-${id}`,
    audited: 'test/count',
    effects: `select substr(r.id, 3) as id, max(cast(r.value as integer),
        (select count(*) from stream_users s where s.app = 'batch' and s.publisher = r.id)) as times
      from records r where r.kind = 'count' and r.id like 'b-%'`,
  },
} as const

/** One command in the client's own ledger. */
interface Entry {
  readonly kind: keyof typeof kinds
  readonly id: string
  readonly key: string | undefined
  /** The message as it was first sent. */
  readonly body: string
  /** `sent`: no answer, so 0 or 1 times. `done`: answered, so once. */
  state: 'sent' | 'done'
}

interface Totals {
  readonly ledger: Entry[]
  /** Resends that were told the stored outcome, or that the message was used already. */
  told: number
  /** Resends that were the first to arrive. */
  ran: number
}

async function send(server: TestServer, body: string): Promise<{ code: number; replayed?: boolean } | undefined> {
  try {
    const response = await fetch(`${server.url}/control`, { method: 'POST', body })
    return JSON.parse(await response.text())
  } catch {
    return undefined
  }
}

function message(server: TestServer, { kind, id, key }: Pick<Entry, 'kind' | 'id' | 'key'>, ago = 0): string {
  const { cmd, params } = kinds[kind]
  const timestamp = Math.floor(Date.now() / 1000) - ago
  return signMessage(cmd, params(id), server.owner, { timestamp, idempotencyKey: key }).body
}

/** Sends commands until the server is gone. */
async function load(server: TestServer, { ledger }: Totals, acknowledged: () => void): Promise<void> {
  for (;;) {
    const id = `n-${ledger.length}`
    for (const kind of ['create', 'toggle', 'count', 'stream', 'batch'] as const) {
      const key = randomInt(2) === 0 ? `${kind}-${id}` : undefined
      const entry: Entry = { kind, id, key, body: message(server, { kind, id, key }), state: 'sent' }
      ledger.push(entry)
      const twins = key && randomInt(3) === 0 ? [entry.body, entry.body] : [entry.body]
      const replies = await Promise.all(twins.map((body) => send(server, body)))
      const answered = replies.filter((reply) => reply !== undefined)
      if (answered.length === 0) return
      for (const { code } of answered) assert.equal(code, kinds[kind].code)
      if (answered.length === twins.length) assert.equal(answered.filter(({ replayed }) => !replayed).length, 1)
      entry.state = 'done'
      acknowledged()
    }
  }
}

/** After the crash: what had no answer is sent again, keyed commands always, the others every second time. */
async function resend(server: TestServer, totals: Totals): Promise<void> {
  const unanswered = totals.ledger.filter(({ state, key }) => state === 'sent' && (key || randomInt(2) === 0))
  for (const entry of unanswered) {
    const { kind, key } = entry
    const reply = await send(server, key && randomInt(2) === 0 ? message(server, entry, 1) : entry.body)
    assert.ok(reply, 'the gateway answers after its restart')
    const told = key ? reply.replayed === true : reply.code === 1409
    if (told) totals.told++
    else totals.ran++
    assert.equal(reply.code, told && !key ? 1409 : kinds[kind].code)
    entry.state = 'done'
  }
}

/** What the command line writes into the same file, meanwhile and over every crash: each one that ended with 0 is there. */
async function commandLine(
  folder: string,
  env: Readonly<Record<string, string>>,
  ending: () => boolean,
): Promise<string[]> {
  const done: string[] = []
  for (let n = 0; !ending(); n++) {
    // A process for each takes the gateway's time away.
    await delay(2_000)
    const ran: Ran = await runCli(['user', 'set', `cli-${n}`, '--type', '3', '--data', folder], { env })
    if (ran.status === 0) done.push(`cli-${n}`)
    else assert.match(ran.stdout + ran.stderr, /150[37]|storage failed|locked/, ran.stderr)
  }
  return done
}

/**
 * Kills a gateway under load, again and again, and starts it anew: single commands, batches, twins, with a command line that
 * writes into the same file. Fails when anything that was answered is not there once, or anything else twice.
 */
export async function killDrill(t: TestContext, rounds: number): Promise<void> {
  const folder = temporaryFolder()
  const own = temporaryFolder()
  writeFileSync(join(own, 'count.mjs'), counter)
  const env = { COUNTERSIGN_COMMANDS: own }
  const totals: Totals = { ledger: [], told: 0, ran: 0 }
  let server = await serverFor(t, { folder, env })
  const { port } = server
  let ending = false
  const beside = commandLine(folder, env, () => ending)
  for (let round = 0; round < rounds; round++) {
    const { process } = server
    let left = randomInt(1, 160)
    const running = Array.from({ length: workers }, () =>
      load(server, totals, () => {
        if (round % 2 === 0 && --left === 0) process.kill('SIGKILL')
      }),
    )
    // Odd rounds end at a moment that has nothing to do with an answer.
    if (round % 2 === 1) await delay(randomInt(5, 200)).then(() => process.kill('SIGKILL'))
    await Promise.all(running)
    assert.equal(await server.stop(), 'SIGKILL')
    server = await serverFor(t, { folder, env, port })
    await resend(server, totals)
  }
  ending = true
  const written = await beside
  assert.equal(await server.stop(), 0)

  judge(folder, totals.ledger)
  const file = readFolder(folder)
  const there = new Set(file.rows<{ id: string }>("select id from users where id like 'cli-%'").map(({ id }) => id))
  file.close()
  assert.deepEqual(
    written.filter((id) => !there.has(id)),
    [],
  )
  assert.deepEqual(faultsOf(folder), [])
  // Else nothing was tested.
  const unanswered = totals.ledger.filter(({ state }) => state === 'sent').length
  const tested = { ...totals, ledger: totals.ledger.length, unanswered, commandLine: written.length }
  t.diagnostic(JSON.stringify({ rounds, ...tested }))
  assert.ok(totals.told > 0 && totals.ran > 0 && unanswered > 0 && written.length > 0, JSON.stringify(tested))
  removeFolder(folder)
  removeFolder(own)
}

/** Holds the client's ledger against the effects and the audit trail. */
function judge(folder: string, ledger: readonly Entry[]): void {
  const file = readFolder(folder)
  for (const [name, { cmd, code, target, effects, ...rest }] of Object.entries(kinds)) {
    const times = new Map(file.rows<{ id: string; times: number }>(effects).map((row) => [row.id, row.times]))
    const audited = new Map(
      file
        .rows<{ target: string; times: number }>(
          'select target, count(*) as times from audit where command = ? and code = ? group by target',
          ...('audited' in rest ? [rest.audited, kinds.count.code] : [cmd, code]),
        )
        .map((row) => [row.target, row.times]),
    )
    const entries = ledger.filter(({ kind }) => kind === name)
    const wrong = entries.filter(({ id, state }) => {
      const found = times.get(id) ?? 0
      const right = state === 'done' ? found === 1 : found === 0 || found === 1
      return !right || found !== (audited.get(target(id)) ?? 0)
    })
    assert.deepEqual(wrong, [], name)
    const known = new Set(entries.map(({ id }) => id))
    assert.deepEqual(
      [...times].filter(([id, found]) => found > 0 && !known.has(id)),
      [],
      `${name}: an effect that nobody sent`,
    )
  }
  file.close()
}
