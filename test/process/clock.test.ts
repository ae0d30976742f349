import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { signMessage } from '../../clients/typescript/index.js'
import { counter } from '../support/counter.js'
import { faultsOf, readFolder } from '../support/folder.js'
import { removeFolder, serverFor, type TestServer, temporaryFolder, unchecked } from '../support/server.js'

const library = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
].find(existsSync)

const now = () => Math.floor(Date.now() / 1000)
const hour = 3_600

/** A gateway whose clock can be set while it runs. */
async function clocked(t: TestContext) {
  if (!library) return unchecked(t, 'libfaketime is not installed')
  const folder = temporaryFolder()
  const own = temporaryFolder()
  const clock = join(own, 'clock')
  writeFileSync(join(own, 'count.mjs'), counter)
  writeFileSync(clock, '+0')
  const env = {
    COUNTERSIGN_COMMANDS: own,
    COUNTERSIGN_KEEP: String(hour),
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
  t.after(() => {
    removeFolder(folder)
    removeFolder(own)
  })
  return {
    folder,
    start: () => serverFor(t, { folder, env }),
    /** Seconds from the real time. */
    set: (offset: number) => writeFileSync(clock, `${offset < 0 ? '' : '+'}${offset}`),
  }
}

async function codeOf({ url }: TestServer, body: string): Promise<[number, boolean | undefined]> {
  const { code, replayed } = JSON.parse(await (await fetch(`${url}/control`, { method: 'POST', body })).text())
  return [code, replayed]
}

const message = ({ owner }: TestServer, id: string, timestamp: number, idempotencyKey?: string) =>
  signMessage('test/count', { id }, owner, { timestamp, idempotencyKey }).body

test('a clock that steps, both ways and over restarts, never lets a message take effect twice', async (t) => {
  const clocks = await clocked(t)
  if (!clocks) return
  const { folder, start, set } = clocks
  let server = await start()
  const sent = now()
  const keyed = message(server, 'keyed', sent, 'the-key-of-this-one')
  const bare = message(server, 'bare', sent)
  for (const body of [keyed, bare]) assert.deepEqual(await codeOf(server, body), [10001, undefined])

  const rows: readonly (readonly [what: string, offset: number, keyed: number, bare: number])[] = [
    ['within the window, ahead', 250, 10001, 1409],
    ['within the window, behind', -250, 10001, 1409],
    ['an hour ahead', hour, 1402, 1402],
    ['an hour behind', -hour, 1402, 1402],
    ['back', 0, 10001, 1409],
  ]
  for (const [what, offset, ...codes] of rows) {
    set(offset)
    assert.deepEqual([(await codeOf(server, keyed))[0], (await codeOf(server, bare))[0]], codes, what)
  }

  // Ten years ahead: a start forgets nothing by such a clock, and once it is right everybody is served again.
  for (const ahead of [2 * hour, 10 * 365 * 24 * hour]) {
    set(ahead)
    assert.equal(await server.stop(), 0)
    server = await start()
    for (const body of [keyed, bare]) assert.equal((await codeOf(server, body))[0], 1402)
    const known = message(server, `of ${ahead}`, now() + ahead)
    assert.equal((await codeOf(server, known))[0], 10001)
    set(0)
    for (const restart of [false, true]) {
      if (restart) {
        assert.equal(await server.stop(), 0)
        server = await start()
      }
      assert.deepEqual(await codeOf(server, keyed), [10001, true])
      assert.deepEqual([(await codeOf(server, bare))[0], (await codeOf(server, known))[0]], [1409, 1402])
    }
    assert.equal((await codeOf(server, message(server, `after ${ahead}`, now())))[0], 10001)
  }
  assert.equal(await server.stop(), 0)

  const file = readFolder(folder)
  const counted = file.rows<{ id: string; value: string }>('select id, value from records order by id')
  file.close()
  assert.deepEqual(
    counted,
    [2 * hour, 10 * 365 * 24 * hour]
      .flatMap((ahead) => [`of ${ahead}`, `after ${ahead}`])
      .concat('bare', 'keyed')
      .sort()
      .map((id) => ({ id, value: '1' })),
  )
})

test('a step ahead forgets no claim of a message that is still acceptable', async (t) => {
  const clocks = await clocked(t)
  if (!clocks) return
  const { folder, start, set } = clocks
  let server = await start()
  // Dated ahead by nearly the window: it stays fresh the longest.
  const begun = now()
  const ahead = message(server, 'ahead', begun + 290)
  assert.deepEqual(await codeOf(server, ahead), [10001, undefined])
  for (const offset of [200, 500, 580]) {
    set(offset)
    assert.equal(await server.stop(), 0)
    server = await start()
    // A slow machine takes longer to start than the message has left.
    set(offset - (now() - begun))
    assert.equal((await codeOf(server, ahead))[0], 1409, `${offset} s on`)
  }
  assert.equal(await server.stop(), 0)
  assert.deepEqual(faultsOf(folder), [])
})
