import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { codes } from '../../schemas/codes.js'
import { root } from '../support/instance.js'
import { assertReply, exchange, openSocket } from '../support/raw.js'
import { removeFolder, runCli, startServer, type TestServer } from '../support/server.js'

interface Measured {
  readonly server: TestServer
  /** The lines of the page, by name with labels. */
  scrape(): Promise<ReadonlyMap<string, number>>
}

async function measured(t: TestContext): Promise<Measured> {
  const server = await startServer({ env: { COUNTERSIGN_METRICS: '127.0.0.1:0' } })
  t.after(async () => {
    await server.stop('SIGKILL')
    removeFolder(server.folder)
  })
  const [, url = ''] = /metrics at (\S+)/.exec(server.log()) ?? []
  return {
    server,
    async scrape() {
      const answer = await fetch(url)
      assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
      const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
    },
  }
}

const requests = (command: string, code: number, outcome: string, dialect = 'native') =>
  `countersign_requests_total{dialect="${dialect}",command="${command}",code="${code}",outcome="${outcome}"}`

test('each request is counted once, by its command, code, dialect and outcome, and its time and commit are measured', async (t) => {
  const { server, scrape } = await measured(t)
  const before = await scrape()
  await server.call('set-user', { id: 'alice', user: { type: 3 } })
  await server.call('toggle-user', { id: 'alice' }, { idempotencyKey: 'job-1-toggle' })
  await server.call('toggle-user', { id: 'alice' }, { idempotencyKey: 'job-1-toggle' })
  await server.call('get-user', { id: 'nobody' })
  const after = await scrape()
  assert.equal(after.get(requests('set-user', codes.USER_SAVED.code, 'done')), 1)
  assert.equal(after.get(requests('toggle-user', codes.USER_TOGGLED.code, 'done')), 1)
  assert.equal(after.get(requests('toggle-user', codes.USER_TOGGLED.code, 'replayed')), 1)
  assert.equal(after.get(requests('get-user', codes.USER_NOT_FOUND.code, 'not done')), 1)
  assert.equal(after.get('countersign_request_seconds_count{command="toggle-user"}'), 2)
  assert.equal(after.get('countersign_request_seconds_bucket{command="toggle-user",le="+Inf"}'), 2)
  const rise = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  assert.ok(rise('countersign_commit_seconds_count') >= 2)
  assert.ok(rise('countersign_batch_writes_sum') >= 2)
  assert.equal(after.get('countersign_ready'), 1)
  assert.ok((after.get('countersign_database_bytes') ?? 0) > 0)
  assert.ok((after.get('countersign_oldest_claim_age_seconds') ?? -1) >= 0)
})

test('whoever proves nothing makes no series of their own, whatever they name', async (t) => {
  const { server, scrape } = await measured(t)
  const post = (body: string) => fetch(`${server.url}/control`, { method: 'POST', body })
  await post('{"cmd":"warm","api_key":"x","timestamp":1,"signature":"a"}')
  const before = await scrape()
  for (let i = 0; i < 20; i++) {
    await post(`{"cmd":"made-up-${i}","api_key":"key-${i}","timestamp":${i},"signature":"a"}`)
    await fetch(`${server.url}/made-up-${i}`)
  }
  await server.call('no-such-command')
  const after = await scrape()
  const added = [...after.keys()].filter((name) => name.startsWith('countersign_') && !before.has(name))
  assert.deepEqual(
    added.sort(),
    [
      requests('unknown', codes.UNKNOWN_COMMAND.code, 'refused'),
      requests('unknown', codes.UNKNOWN_COMMAND.code, 'refused', 'none'),
    ].sort(),
  )
  assert.equal(after.get(requests('unknown', codes.UNAUTHENTICATED.code, 'refused')), 21)
})

test('metrics are on their own address alone, and nothing but them is there', async (t) => {
  const { server } = await measured(t)
  const [, url = ''] = /metrics at (\S+)\/metrics/.exec(server.log()) ?? []
  assert.equal((await fetch(`${server.url}/metrics`)).status, 404)
  assert.equal((await fetch(`${url}/control`, { method: 'POST', body: '{}' })).status, 404)
  assert.equal((await fetch(`${url}/metrics`, { method: 'POST' })).status, 405)
  assert.equal(await server.stop(), 0)
})

test('alerts, dashboard and document name only metrics and codes that there are', async (t) => {
  const { server, scrape } = await measured(t)
  await server.call('set-user', { id: 'alice', user: { type: 3 } })
  const copy = join(server.folder, 'copy.db')
  assert.equal((await runCli(['backup', copy, '--data', server.folder])).status, 0)
  const known = new Set([...(await scrape()).keys()].map((name) => name.replace(/\{.*/, '')))
  for (const file of ['deploy/alerts.yml', 'deploy/dashboard.json', 'docs/operations.md']) {
    const text = readFileSync(join(root, file), 'utf8')
    const named = text.match(/\b(?:countersign_(?!uid\b)|nodejs_|process_)[a-z0-9_]*[a-z0-9]\b/g) ?? []
    assert.ok(named.length > 5, file)
    const bare = named.filter((name) => !known.has(name) && ![...known].some((series) => series === `${name}_count`))
    assert.deepEqual(bare, [], file)
  }
  const numbers = new Set(Object.values(codes).map(({ code }) => String(code)))
  const alerts = readFileSync(join(root, 'deploy/alerts.yml'), 'utf8')
  const alerted = [...alerts.matchAll(/code=~?"([0-9|]+)"/g)].flatMap(([, list = '']) => list.split('|'))
  assert.deepEqual(
    alerted.filter((code) => !numbers.has(code)),
    [],
  )
  const described = readFileSync(join(root, 'docs/operations.md'), 'utf8')
  const names = [...alerts.matchAll(/alert: (\w+)/g)].map(([, name = '']) => name)
  assert.deepEqual(
    names.filter((name) => !described.includes(name)),
    [],
  )
})

test('the address of the metrics has the limits of every path: two Host headers are refused, and thousands of requests are cut', async (t) => {
  const { server, scrape } = await measured(t)
  const port = Number(/metrics at http:\/\/127\.0\.0\.1:([0-9]+)/.exec(server.log())?.[1])
  assertReply(await exchange(port, 'GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'), 400, 1400)
  const raw = await openSocket(port)
  raw.socket.pause()
  raw.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_600))
  assert.equal((await scrape()).get('countersign_ready'), 1)
  raw.socket.resume()
  await raw.closed()
  const endless = await openSocket(port)
  endless.write('GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000\r\n\r\n')
  assert.equal((await endless.reply()).headers.get('connection'), 'close')
  assert.equal(await endless.closed(), '')
})
