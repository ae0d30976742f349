import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { sampleOf } from '../support/access.js'
import { runCli, serverFor } from '../support/server.js'

const now = () => Math.floor(Date.now() / 1000)
const ndjson = (samples: readonly object[]) => samples.map((sample) => `${JSON.stringify(sample)}\n`).join('')

/** A gateway with the server edge-1, and a file beside it. */
async function scene(t: TestContext, content: string) {
  const server = await serverFor(t)
  assert.equal((await server.call('servers/set', { id: 'edge-1', name: 'Edge 1' })).json?.code, 7001)
  const file = join(server.folder, 'samples.ndjson')
  writeFileSync(file, content)
  const cli = (...args: string[]) => runCli(['stats', ...args, '--data', server.folder])
  return { server, file, cli }
}

test('a file of samples is taken beside a running gateway, once however often it is imported, and shown in tab-separated lines', async (t) => {
  const samples = Array.from({ length: 1_500 }, (_, n) =>
    sampleOf({ time: now() - (n % 30), stream: `s-${n % 3}`, id: `${n}` }),
  )
  const { server, file, cli } = await scene(t, ndjson(samples))
  const first = await cli('import', file, '--server', 'edge-1')
  assert.deepEqual([first.status, JSON.parse(first.stdout)], [0, { lines: 1_500, accepted: 1_500, repeated: 0 }])
  const again = await cli('import', file, '--server', 'edge-1')
  assert.deepEqual(JSON.parse(again.stdout), { lines: 1_500, accepted: 0, repeated: 1_500 })
  assert.equal((await server.call('stats/realtime')).json?.code, 7211)
  const { status, stdout } = await cli('show', '--by', 'stream')
  const [head, ...lines] = stdout.trimEnd().split('\n')
  assert.deepEqual([status, head], [0, 'stream\tconnections\tbytes_in\tbytes_out\tviewers'])
  assert.deepEqual(
    lines.map((line) => line.split('\t')[0]),
    ['s-0', 's-1', 's-2'],
  )
})

test('older history is imported, and can be asked for', async (t) => {
  const time = now() - 2 * 86_400
  const samples = [0, 60, 120].map((later) => sampleOf({ time: time + later }))
  const { server, file, cli } = await scene(t, ndjson(samples))
  for (const expected of [
    { lines: 3, accepted: 3, repeated: 0 },
    { lines: 3, accepted: 0, repeated: 3 },
  ]) {
    assert.deepEqual(JSON.parse((await cli('import', file, '--server', 'edge-1')).stdout), expected)
  }
  const reply = await server.call('stats/indepth', { from: time, to: time + 180 })
  assert.deepEqual(
    Object(reply.json?.result).rows.map((row: { connections: number; peak: number }) => [row.connections, row.peak]),
    [[30, 10]],
  )
})

test('a line that cannot be taken is named, what was taken before it stays, and the exit code says why', async (t) => {
  const good = { ...sampleOf({ time: now() }), server: 'edge-1' }
  const rows: readonly (readonly [content: string, says: RegExp, status: number])[] = [
    [`${ndjson([good])}{"time":\n`, /line 2 is no JSON object/, 1],
    [ndjson([good, { ...good, server: undefined }]), /line 2 names no server/, 2],
    [ndjson([good, { ...good, time: 1 }]), /line 2: time must be after/, 1],
    [ndjson([{ ...good, server: 'edge-9' }]), /edge-9: There is no such media server/, 5],
  ]
  const { file, cli } = await scene(t, '')
  for (const [content, says, expected] of rows) {
    writeFileSync(file, content)
    const { status, stderr } = await cli('import', file)
    assert.match(stderr, says)
    assert.equal(status, expected)
  }
})

test('what is no server or slice is said, and nothing is printed', async (t) => {
  const { cli } = await scene(t, '')
  const { status, stdout, stderr } = await cli('show', '--server', 'edge-9')
  assert.deepEqual([status, stdout], [5, ''])
  assert.match(stderr, /There is no such media server or data slice/)
})
