import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { hasPrograms, removeFolder, startServer, type TestServer, temporaryFolder } from '../support/server.js'

/** What the gateway did that matters here, in order: it wrote to the log, made the log durable, answered. */
type Event = { readonly what: 'log' } | { readonly what: 'sync' } | { readonly what: 'reply'; readonly status: number }

/** `23</tmp/x/countersign.db-wal>` as a finished call; one that was interrupted in the trace ends on a line of its own. */
const call = /^\d+ +(\w+)\(\d+<([^>]*)>(.*)$/
const resumed = /^(\d+) +<\.\.\. (\w+) resumed>.*= 0$/

function eventsOf(trace: string): Event[] {
  const events: Event[] = []
  const syncing = new Set<string>()
  for (const line of trace.split('\n')) {
    const [, pid = '', ended] = resumed.exec(line) ?? []
    if (ended && syncing.delete(pid)) events.push({ what: 'sync' })
    const [, name = '', target = '', rest = ''] = call.exec(line) ?? []
    const status = /"HTTP\/1\.1 ([0-9]{3})/.exec(rest)?.[1]
    if (target.startsWith('socket:') && status) events.push({ what: 'reply', status: Number(status) })
    if (!target.endsWith('countersign.db-wal')) continue
    if (!name.includes('sync')) events.push({ what: 'log' })
    else if (rest.endsWith('= 0')) events.push({ what: 'sync' })
    else if (rest.includes('unfinished')) syncing.add(line.slice(0, line.indexOf(' ')))
  }
  return events
}

/** Runs a gateway under strace; what it did after its first reply, to a ping, until it had ended. */
async function traced(t: TestContext, work: (server: TestServer) => Promise<void>): Promise<Event[]> {
  const folder = temporaryFolder()
  const trace = join(temporaryFolder(), 'trace')
  const calls = 'trace=fsync,fdatasync,write,writev,sendto,sendmsg,pwrite64,pwritev'
  // -D: the gateway is our child, and strace its observer.
  const server = await startServer({
    folder: join(folder, 'data'),
    under: ['strace', '-D', '-f', '-y', '-s', '32', '-e', calls, '-o', trace],
  })
  t.after(async () => {
    await server.stop('SIGKILL')
    removeFolder(folder)
    removeFolder(join(trace, '..'))
  })
  assert.equal((await server.call('ping')).status, 200)
  await work(server)
  await server.stop()
  const events = eventsOf(readFileSync(trace, 'utf8'))
  return events.slice(events.findIndex(({ what }) => what === 'reply') + 1)
}

/** `log* sync reply` of each exchange, as one word: how often each happened before its reply. */
function exchanges(events: readonly Event[]): { logged: boolean; syncs: number; durable: boolean; status: number }[] {
  const found = []
  let [logged, syncs, dirty] = [false, 0, false]
  for (const event of events) {
    if (event.what === 'reply') {
      found.push({ logged, syncs, durable: !dirty, status: event.status })
      ;[logged, syncs] = [false, 0]
    } else if (event.what === 'sync') {
      syncs++
      dirty = false
    } else [logged, dirty] = [true, true]
  }
  return found
}

test('every answered write was written to the log, and the log made durable once, before its reply; reads wait for no disk', async (t) => {
  if (!hasPrograms(t, 'strace')) return
  const timestamp = Math.floor(Date.now() / 1000)
  const writes: readonly (readonly [cmd: string, params: object, status: number])[] = [
    ['set-user', { id: 'alice', user: { type: 3 } }, 200],
    ['toggle-user', { id: 'alice' }, 200],
    ['toggle-user', { id: 'nobody' }, 404],
    ['sevu.addstreamuser', { app: 'a', stream: 's', user: 'u', pass: 'a password' }, 200],
    ['sevu.addstreamuser', { app: 'a', stream: 's', user: 'u' }, 409],
    ['sevu.removestreamuser', { streamuser_id: 1 }, 200],
    ['accounts/create', { account: 9 }, 200],
    ['set-user', { id: 'alice', user: { remove: true } }, 200],
  ]
  const reads: readonly (readonly [cmd: string, params: object, status: number])[] = [
    ['list-users', {}, 200],
    ['whoami', {}, 200],
    ['get-user', { id: 'nobody' }, 404],
    ['toggle-user', {}, 422],
    ['no-such-command', {}, 404],
  ]
  const asked = Array.from({ length: 8 }, () => reads).flat()
  let seconds = 0
  const events = await traced(t, async (server) => {
    for (const [index, [cmd, params, status]] of writes.entries()) {
      const idempotencyKey = `the-write-${index}`
      assert.equal((await server.call(cmd, params, { timestamp, idempotencyKey })).status, status, cmd)
    }
    const begun = performance.now()
    for (const [cmd, params, status] of asked) assert.equal((await server.call(cmd, params)).status, status, cmd)
    seconds = (performance.now() - begun) / 1000
  })
  const found = exchanges(events)
  const write = { logged: true, syncs: 1, durable: true }
  assert.deepEqual(
    found.slice(0, writes.length),
    writes.map(([, , status]) => ({ ...write, status })),
  )
  const answered = found.slice(writes.length)
  assert.deepEqual(
    answered.map(({ status }) => status),
    asked.map(([, , status]) => status),
  )
  // Their audit rows are written down about once a second, whoever is being answered then.
  const syncs = answered.reduce((sum, each) => sum + each.syncs, 0)
  assert.ok(syncs <= seconds + 2 && syncs < asked.length, `${syncs} syncs for ${asked.length} reads in ${seconds} s`)
})

test('writes that share a commit share its sync, and none is answered before it', async (t) => {
  if (!hasPrograms(t, 'strace')) return
  const events = await traced(t, async (server) => {
    for (let round = 0; round < 10; round++) {
      const replies = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          server.call('set-user', { id: `u-${round}-${index}`, user: { type: 3 } }),
        ),
      )
      for (const { json } of replies) assert.equal(json?.code, 3011)
    }
  })
  const replies = exchanges(events)
  assert.equal(replies.length, 200)
  assert.deepEqual(
    replies.filter(({ durable, status }) => !durable || status !== 200),
    [],
  )
  const syncs = replies.reduce((sum, each) => sum + each.syncs, 0)
  assert.ok(syncs >= 10 && syncs < 200, `${syncs} syncs for 200 writes`)
})
