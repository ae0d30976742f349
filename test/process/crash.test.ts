import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { signMessage } from '../../clients/typescript/index.js'
import { faultsOf, readFolder } from '../support/folder.js'
import { main, removeFolder, serverFor, type TestServer, temporaryFolder } from '../support/server.js'

const rounds = Number(process.env.COUNTERSIGN_CRASH_ROUNDS ?? 50)
const workers = 16

const counter = `export default ({ Type }) => ({
  name: 'test/count',
  summary: 'Count one up',
  permission: 'counts:write',
  params: Type.Object({ id: Type.String({ maxLength: 64 }) }, { additionalProperties: false }),
  result: Type.Object({ total: Type.Integer() }, { additionalProperties: false }),
  codes: { COUNTED: { code: 10001, message: 'Counted' } },
  target: ({ id }) => id,
  run: async ({ id }, { store }) => ['COUNTED', { total: await store.records.add('count', id, 1) }],
})
`

/** What one command is, how often its effect and its audit rows are found, and the code that says done. */
const kinds = {
  count: {
    cmd: 'test/count',
    code: 10001,
    params: (id: string) => ({ id }),
    target: (id: string) => id,
    effects: "select id, cast(value as integer) as times from records where kind = 'count'",
  },
  create: {
    cmd: 'set-user',
    code: 3011,
    params: (id: string) => ({ id, user: { type: 3, comment: `made as ${id}` } }),
    target: (id: string) => id,
    effects: 'select id, 1 as times from users',
  },
  toggle: {
    cmd: 'toggle-user',
    code: 3021,
    params: (id: string) => ({ id }),
    target: (id: string) => id,
    effects: 'select id, 1 - enable as times from users',
  },
  stream: {
    cmd: 'sevu.addstreamuser',
    code: 2061,
    params: (id: string) => ({ app: 'demo', stream: 'live', user: id }),
    target: (id: string) => `demo/live/${id}`,
    effects: 'select publisher as id, count(*) as times from stream_users group by publisher',
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
    for (const kind of ['create', 'toggle', 'count', 'stream'] as const) {
      const key = randomInt(2) === 0 ? `${kind}-${id}` : undefined
      const entry: Entry = { kind, id, key, body: message(server, { kind, id, key }), state: 'sent' }
      ledger.push(entry)
      const reply = await send(server, entry.body)
      if (!reply) return
      assert.deepEqual([reply.code, reply.replayed], [kinds[kind].code, undefined])
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

test(`${rounds} kills at random moments under load: what was answered is there once, everything else once or not at all`, async (t) => {
  const folder = temporaryFolder()
  const own = temporaryFolder()
  writeFileSync(join(own, 'count.mjs'), counter)
  const env = { COUNTERSIGN_COMMANDS: own }
  const totals: Totals = { ledger: [], told: 0, ran: 0 }
  let server = await serverFor(t, { folder, env })
  const { port } = server
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
  assert.equal(await server.stop(), 0)

  judge(folder, totals.ledger)
  assert.deepEqual(faultsOf(folder), [])
  // Else nothing was tested.
  const unanswered = totals.ledger.filter(({ state }) => state === 'sent').length
  assert.ok(totals.told > 0 && totals.ran > 0 && unanswered > 0, JSON.stringify({ ...totals, ledger: unanswered }))
  removeFolder(folder)
  removeFolder(own)
})

/** Holds the client's ledger against the effects and the audit trail. */
function judge(folder: string, ledger: readonly Entry[]): void {
  const file = readFolder(folder)
  for (const [name, { cmd, code, target, effects }] of Object.entries(kinds)) {
    const times = new Map(file.rows<{ id: string; times: number }>(effects).map((row) => [row.id, row.times]))
    const audited = new Map(
      file
        .rows<{ target: string; times: number }>(
          'select target, count(*) as times from audit where command = ? and code = ? group by target',
          cmd,
          code,
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

test('a gateway that is killed while it initialises its folder, or while it starts, works at the next start', async (t) => {
  for (let round = 0; round < 6; round++) {
    const folder = join(temporaryFolder(), 'data')
    if (round % 2 === 0) mkdirSync(folder)
    for (const _ of [1, 2]) {
      const child = spawn(process.execPath, [main, 'serve', '--data', folder, '--port', '0'], { stdio: 'ignore' })
      const ended = once(child, 'exit')
      await delay(randomInt(100, 450))
      child.kill('SIGKILL')
      await ended
    }
    const server = await serverFor(t, { folder })
    assert.equal((await server.call('ping')).json?.code, 9001)
    assert.equal(await server.stop(), 0)
    assert.deepEqual(faultsOf(folder), [])
    removeFolder(join(folder, '..'))
  }
})
