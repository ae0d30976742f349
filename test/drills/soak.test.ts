import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { faultsOf, readFolder } from '../support/folder.js'
import { removeFolder, runCli, serverFor, type TestServer } from '../support/server.js'

/** Three at least: sooner, nothing is old enough to be forgotten. */
const minutes = Math.max(3, Number(process.env.MINUTES ?? 10))
/** So short that claims are forgotten during the soak. */
const env = { COUNTERSIGN_KEEP: '60', COUNTERSIGN_WINDOW: '10' }
const mebibyte = 1024 * 1024

interface Sample {
  readonly second: number
  readonly written: number
  readonly memory: number
  readonly descriptors: number
  readonly log: number
  readonly database: number
  readonly claims: number
  readonly audit: number
  readonly free: number
}

function sample(server: TestServer, second: number, written: number): Sample {
  const { pid } = server.process
  const size = (name: string) => statSync(join(server.folder, name), { throwIfNoEntry: false })?.size ?? 0
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  const file = readFolder(server.folder)
  const [row] = file.rows<Pick<Sample, 'claims' | 'audit' | 'free'>>(
    `select (select count(*) from claims) as claims, (select count(*) from audit) as audit,
     (select freelist_count from pragma_freelist_count) as free`,
  )
  file.close()
  return {
    second,
    written,
    memory: Math.round(Number(resident) / 1024),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    log: Math.round(size('countersign.db-wal') / mebibyte),
    database: Math.round((size('countersign.db') / mebibyte) * 10) / 10,
    claims: row?.claims ?? 0,
    audit: row?.audit ?? 0,
    free: row?.free ?? 0,
  }
}

/** Toggles users under new keys until it is told to end, sending some again. */
function load(server: TestServer): { readonly written: () => number; readonly end: () => Promise<void> } {
  let ending = false
  let written = 0
  const running = Promise.all(
    Array.from({ length: 16 }, async (_, worker) => {
      const id = `user-${worker}`
      await server.call('set-user', { id, user: { type: 3, token: `token-of-${id}` } })
      for (let n = 0; !ending; n++) {
        const envelope = {
          idempotencyKey: `soak-${worker}-${n}-${Date.now()}`,
          timestamp: Math.floor(Date.now() / 1000),
        }
        const reply = await server.call('toggle-user', { id }, envelope)
        assert.equal(reply.json?.code, 3021)
        if (n % 10 === 0) assert.equal((await server.call('toggle-user', { id }, envelope)).json?.replayed, true)
        if (n % 7 === 0) await server.call('get-user', { id })
        written++
      }
    }),
  )
  return {
    written: () => written,
    end: async () => {
      ending = true
      await running
    },
  }
}

test(`a soak of ${minutes} minutes: memory, descriptors and the log stay flat, claims are forgotten, the file grows by the audit trail alone`, async (t) => {
  const server = await serverFor(t, { env })
  const work = load(server)
  const samples: Sample[] = []
  for (let second = 0; second < minutes * 60; second += 15) {
    await delay(15_000)
    const now = sample(server, second + 15, work.written())
    samples.push(now)
    t.diagnostic(JSON.stringify(now))
  }
  await work.end()
  // The first minutes fill caches and the time that claims are kept.
  const settled = samples.filter(({ second }) => second >= Math.min(150, minutes * 30))
  const [first, last] = [settled[0], settled.at(-1)]
  assert.ok(first && last && last.second > first.second)
  assert.ok(last.memory < first.memory * 1.25 + 20, 'memory')
  assert.ok(last.descriptors <= first.descriptors + 4, 'descriptors')
  assert.ok(Math.max(...settled.map(({ log }) => log)) <= 64, 'the log')
  assert.ok(last.claims < last.written, 'claims are forgotten')
  await vacuumed(t, server)
})

/** What VACUUM would win, and cost: the figures behind the policy in docs/operations.md. */
async function vacuumed(t: TestContext, server: TestServer): Promise<void> {
  const file = join(server.folder, '..', `${Date.now()}.db`)
  const before = statSync(join(server.folder, 'countersign.db')).size
  const begun = performance.now()
  const made = await runCli(['backup', file, '--data', server.folder])
  assert.equal(made.status, 0, made.stderr)
  const took = Math.round(performance.now() - begun)
  t.diagnostic(JSON.stringify({ before, compact: statSync(file).size, backupMilliseconds: took }))
  assert.equal(await server.stop(), 0)
  assert.deepEqual(
    faultsOf(server.folder).filter((fault) => !fault.includes('do not agree')),
    [],
  )
  removeFolder(file)
}
