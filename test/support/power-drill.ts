import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { faultsOf, readFolder } from './folder.js'
import { calls, Disk, type Event, type Loss, readTrace } from './power-loss.js'
import { hasPrograms, removeFolder, startServer, temporaryFolder } from './server.js'

const names = ['countersign.db', 'countersign.db-wal']
const losses: readonly Loss[] = ['all', 'none', 'some']

/**
 * Records what a gateway under load writes, rebuilds its files as they would lie on disk had the power gone at each of many
 * moments, opens them, and looks for everything that had been answered by then.
 */
export async function powerDrill(t: TestContext, moments: number, writes: number): Promise<void> {
  if (!hasPrograms(t, 'strace')) return
  const place = temporaryFolder()
  const folder = join(place, 'data')
  const first = await startServer({ folder })
  assert.equal(await first.stop(), 0)
  const files = new Map(
    names.filter((name) => existsSync(join(folder, name))).map((name) => [name, readFileSync(join(folder, name))]),
  )

  const trace = join(place, 'trace')
  const under = ['strace', '-D', '-f', '-y', '-xx', '-s', '5000', '-e', calls, '-o', trace]
  const server = await startServer({ folder, under, env: { COUNTERSIGN_WAL_SIZE: '1' } })
  t.after(() => server.stop('SIGKILL'))
  await Promise.all(
    Array.from({ length: 8 }, async (_, worker) => {
      for (let n = 0; n < writes / 8; n++) {
        // Long enough to fill the log, so that it is written back in the midst of it.
        const user = { type: 3, comment: `${worker}`.repeat(1_000) }
        assert.equal((await server.call('set-user', { id: `u-${worker}-${n}`, user })).json?.code, 3011)
      }
    }),
  )
  // One after the other, and slowly: the thread that writes the log back is through before the next one, and alone must sync.
  for (let n = 0; n < 150; n++) {
    assert.equal((await server.call('set-user', { id: `slow-${n}`, user: { type: 3 } })).json?.code, 3011)
    await delay(15)
  }
  assert.equal(await server.stop(), 0)
  const events = readTrace(trace, names)
  judge(t, events, files, folder, moments)
  removeFolder(place)
}

function judge(
  t: TestContext,
  events: readonly Event[],
  files: ReadonlyMap<string, Buffer>,
  folder: string,
  moments: number,
): void {
  const disk = new Disk(files)
  const chosen = choose(events, moments)
  const answered = new Set<string>()
  const copy = temporaryFolder()
  copyFileSync(join(folder, 'master.key'), join(copy, 'master.key'))
  let looked = 0
  let fewest = Number.POSITIVE_INFINITY
  for (const [index, event] of events.entries()) {
    if (chosen.has(index)) {
      for (const loss of losses) {
        put(copy, disk.after(loss, Math.random))
        const missing = lost(copy, answered)
        assert.deepEqual(
          missing,
          [],
          `power lost before event ${index} of ${events.length}, ${loss} of the unsynced writes gone`,
        )
        looked++
      }
      fewest = Math.min(fewest, answered.size)
    }
    disk.step(event, index)
    if (event.what === 'reply') for (const id of event.ids) answered.add(id)
  }
  assert.ok(withoutSyncs(events, files, copy) > 0, 'a disk that forgets its syncs is noticed')
  const count = (what: Event['what'], file?: string) =>
    events.filter((event) => event.what === what && (!file || ('file' in event && event.file === file))).length
  t.diagnostic(
    JSON.stringify({
      states: looked,
      answered: answered.size,
      writes: count('write'),
      syncs: count('sync'),
      writtenBack: count('sync', 'countersign.db'),
    }),
  )
  assert.ok(
    answered.size > 100 && fewest < answered.size / 2 && count('sync', 'countersign.db') > 1,
    'else little was tested',
  )
  removeFolder(copy)
}

/** Moments all over the trace, and round every write-back of the log, where two files change. */
function choose(events: readonly Event[], moments: number): ReadonlySet<number> {
  const backs = [...events.entries()].filter(([, event]) => 'file' in event && event.file === 'countersign.db')
  const some = (list: readonly number[], count: number) =>
    Array.from({ length: Math.min(count, list.length) }, () => list[Math.floor(Math.random() * list.length)] ?? 0)
  const all = [...events.keys()]
  return new Set([
    ...some(all, Math.ceil(moments / 2)),
    ...some(
      backs.map(([index]) => index),
      Math.floor(moments / 2),
    ),
    events.length - 1,
  ])
}

/** How much is missing on a disk whose power goes before the first write-back, and that synced nothing: the drill can fail. */
function withoutSyncs(events: readonly Event[], files: ReadonlyMap<string, Buffer>, copy: string): number {
  const end = events.findIndex((event) => event.what === 'sync' && event.file === 'countersign.db')
  const disk = new Disk(files)
  const answered = new Set<string>()
  for (const [index, event] of events.slice(0, end).entries()) {
    if (event.what === 'reply') for (const id of event.ids) answered.add(id)
    else if (event.what !== 'sync') disk.step(event, index)
  }
  put(copy, disk.after('all', Math.random))
  return lost(copy, answered).length
}

function put(copy: string, files: ReadonlyMap<string, Buffer>): void {
  for (const name of [...names, 'countersign.db-shm']) removeFolder(join(copy, name))
  for (const [name, bytes] of files) writeFileSync(join(copy, name), bytes)
}

/** What does not add up after the power came back: faults of the files, and users who were answered and are not there. */
function lost(folder: string, answered: ReadonlySet<string>): string[] {
  const faults = faultsOf(folder)
  const file = readFolder(folder)
  const there = new Set(file.rows<{ id: string }>('select id from users').map(({ id }) => id))
  file.close()
  return [...faults, ...[...answered].filter((id) => !there.has(id))]
}
