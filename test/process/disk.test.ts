import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { faultsOf, readFolder } from '../support/folder.js'
import {
  main,
  removeFolder,
  run,
  runCli,
  serverFor,
  type TestServer,
  temporaryFolder,
  unchecked,
} from '../support/server.js'
import { until } from '../support/until.js'

const readiness = async ({ url }: TestServer) => (await fetch(`${url}/readyz`)).status

/** A small file system of its own; undefined where nobody may mount one. */
function smallDisk(
  t: TestContext,
  size: string,
): { readonly folder: string; readonly mount: (options: string) => void } | undefined {
  const folder = temporaryFolder()
  const mount = (options: string) =>
    spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { encoding: 'utf8' })
  const { status, stderr } = mount(`size=${size}`)
  t.after(() => {
    if (status === 0) spawnSync('umount', ['-l', folder])
    removeFolder(folder)
  })
  if (status !== 0) {
    unchecked(t, `no file system may be mounted: ${stderr}`)
    return undefined
  }
  return { folder, mount: (options) => assert.equal(mount(`remount,${options}`).status, 0) }
}

test('a file system that fills up: 1507 and red until there is room, then a resend is told the truth, with nothing lost or doubled', async (t) => {
  const disk = smallDisk(t, '3m')
  if (!disk) return
  const folder = join(disk.folder, 'data')
  const server = await serverFor(t, { folder })
  const timestamp = Math.floor(Date.now() / 1000)
  const comment = 'x'.repeat(1_000)
  const create = (id: string) =>
    server.call('set-user', { id, user: { type: 3, comment } }, { timestamp, idempotencyKey: `key-of-${id}` })
  const done: string[] = []
  const refused: string[] = []
  for (let n = 0; refused.length < 10 && n < 5_000; n += 10) {
    const ids = Array.from({ length: 10 }, (_, index) => `user-${n + index}`)
    for (const [index, { status, json }] of (await Promise.all(ids.map(create))).entries()) {
      if (json?.code === 3011) done.push(ids[index] ?? '')
      else {
        assert.deepEqual([status, json?.code], [503, 1507])
        refused.push(ids[index] ?? '')
      }
    }
  }
  assert.ok(done.length > 50 && refused.length >= 10, JSON.stringify([done.length, refused.length]))
  assert.equal(await readiness(server), 503)
  assert.equal((await server.call('get-user', { id: done[0] })).json?.code, 3001, 'reads go on')
  assert.match(server.log(), /nothing of it was acknowledged/)

  disk.mount('size=64m')
  await until('ready again', async () => (await readiness(server)) === 200)
  for (const id of done) assert.deepEqual((await create(id)).json?.replayed, true, id)
  for (const id of refused) assert.equal((await create(id)).json?.code, 3011, id)
  assert.equal(await server.stop(), 0)
  const file = readFolder(folder)
  const rows = file.rows<{ target: string; times: number }>(
    'select target, count(*) as times from audit where code = 3011 group by target',
  )
  file.close()
  assert.deepEqual(
    rows.map(({ target, times }) => `${target} ${times}`).sort(),
    [...done, ...refused].map((id) => `${id} 1`).sort(),
  )
  assert.deepEqual(faultsOf(folder), [])
})

/** A start that is to be refused: one that is not must not keep the test waiting. */
const start = (folder: string) =>
  run('timeout', ['60', process.execPath, main, 'serve', '--data', folder, '--port', '0'])

/** A folder with a gateway's data, which nobody serves. */
async function stopped(t: TestContext, folder = temporaryFolder()): Promise<string> {
  const server = await serverFor(t, { folder })
  for (let n = 0; n < 40; n++)
    await server.call('set-user', { id: `user-${n}`, user: { type: 3, comment: 'x'.repeat(500) } })
  assert.equal(await server.stop(), 0)
  return folder
}

test('a start on a full or a read-only disk is refused, and says what to do', async (t) => {
  const disk = smallDisk(t, '3m')
  if (!disk) return
  const folder = join(disk.folder, 'data')
  await stopped(t, folder)
  const filler = join(disk.folder, 'filler')
  spawnSync('sh', ['-c', `head -c 4000000 /dev/zero > ${filler}`])
  const full = await start(folder)
  assert.equal(full.status, 8, full.stderr)
  assert.match(full.stderr, /its disk has room/)
  rmSync(filler)
  disk.mount('ro,size=3m')
  const readOnly = await start(folder)
  assert.equal(readOnly.status, 8)
  assert.match(readOnly.stderr, /read-only[\s\S]*may write to it/)
  disk.mount('rw,size=3m')
  assert.deepEqual(faultsOf(folder), [])
})

test('after a kill, without the shared-memory file of the log, everything that was answered is there', async (t) => {
  const folder = temporaryFolder()
  const server = await serverFor(t, { folder })
  for (let n = 0; n < 20; n++) await server.call('set-user', { id: `user-${n}`, user: { type: 3 } })
  await server.stop('SIGKILL')
  assert.ok(statSync(join(folder, 'countersign.db-wal')).size > 0, 'the log holds what was answered')
  rmSync(join(folder, 'countersign.db-shm'))
  const again = await serverFor(t, { folder })
  assert.equal(Object(Object((await again.call('list-users')).json?.result).paging).total, 20)
  assert.equal(await again.stop(), 0)
  assert.deepEqual(faultsOf(folder), [])
  removeFolder(folder)
})

/** Every page but the first few, in its midst: which ones hold something depends on the schema. */
function damaged(bytes: Buffer): Buffer {
  for (let page = 4096 * 4; page + 4096 <= bytes.length; page += 4096) bytes.fill(0xff, page + 50, page + 4000)
  return bytes
}

for (const [what, spoil] of [
  ['damaged pages', damaged],
  ['a damaged header', (bytes: Buffer) => bytes.fill(0, 0, 100)],
  ['half of the file', (bytes: Buffer) => bytes.subarray(0, 4096 * Math.floor(bytes.length / 8192))],
] as const) {
  test(`${what}: the start is refused, says so, and names the way out; doctor agrees`, async (t) => {
    const folder = await stopped(t)
    const file = join(folder, 'countersign.db')
    writeFileSync(file, spoil(readFileSync(file)))
    const refused = await start(folder)
    assert.equal(refused.status, 1, refused.stderr)
    assert.match(refused.stderr, /countersign\.db: .*no sound database[\s\S]*countersign restore FILE/)
    assert.equal((await runCli(['doctor', '--data', folder])).status, 1)
    removeFolder(folder)
  })
}
