import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { send } from '../../clients/typescript/index.js'
import { clusterFor, postgresPrograms } from '../support/cluster.js'
import { countFaults, type Nodes, nodesFor, now, posted, signed, spread } from '../support/nodes.js'
import { noPostgres } from '../support/postgres.js'
import { runCli, unchecked } from '../support/server.js'

const skip = { skip: noPostgres ?? false }
const urlOf = (nodes: Nodes, n: number) => nodes.servers[n % nodes.servers.length]?.url ?? ''
async function call(nodes: Nodes, n: number, cmd: string, params: object, by = nodes.owner) {
  const envelope = { timestamp: now(), idempotencyKey: `${cmd}-${process.hrtime.bigint()}` }
  const { json } = await send(urlOf(nodes, n), cmd, params, by, envelope)
  if (!json) throw new Error('the answer was no JSON')
  return json
}
const ticket = { app: 'demo-edge', video: 'live/1', ip: '192.0.2.0/24' }
const tickets = async (nodes: Nodes) =>
  Number((await nodes.rows<{ n: string }>('select count(*) as n from tickets'))[0]?.n)

test(
  'three fresh nodes start at once on an empty database; one message on 50 sockets, and 50 twins of a key, have one effect each',
  skip,
  async (t) => {
    const nodes = await nodesFor(t, 3)
    const same = signed(nodes, 'sevu.request', ticket)
    const replies = await Promise.all(Array.from({ length: 50 }, (_, n) => posted(urlOf(nodes, n), same)))
    const codes = replies.map((reply) => Number(reply?.code))
    assert.equal(codes.filter((code) => code === 2011).length, 1)
    assert.deepEqual(
      [...new Set(codes)].filter((code) => ![2011, 1409, 1411].includes(code)),
      [],
    )
    assert.equal(await tickets(nodes), 1)
    const twins = Array.from({ length: 50 }, (_, n) => signed(nodes, 'sevu.request', ticket, 'the-same-key', now() - n))
    const answers = await Promise.all(twins.map((body, n) => posted(urlOf(nodes, n), body)))
    assert.deepEqual(
      [...new Set(answers.map((reply) => reply?.code))].filter((code) => code !== 2011 && code !== 1411),
      [],
    )
    assert.equal(answers.filter((reply) => reply?.code === 2011 && reply.replayed !== true).length, 1)
    assert.equal(await tickets(nodes), 2)
    await t.test('an audit chain each, and verify covers them all', async () => {
      await Promise.all([0, 1, 2].map((n) => call(nodes, n, 'sevu.request', ticket)))
      const chains = await nodes.rows<{ node: string }>('select distinct node from audit')
      assert.ok(new Set(chains.map(({ node }) => node.split('.')[0])).size >= 3)
      const args = ['audit', 'verify', '--data', nodes.servers[0]?.folder ?? '']
      assert.equal((await runCli(args, { env: nodes.env })).status, 0)
      await nodes.rows(
        `update audit set principal = 'nobody' where (node, seq) = (select node, seq from audit where command = 'sevu.request' order by at_ms desc limit 1)`,
      )
      assert.equal((await runCli(args, { env: nodes.env })).status, 1)
    })
  },
)

test('two nodes that each take away an administrator at once leave one, every time', skip, async (t) => {
  const nodes = await nodesFor(t, 2)
  for (let round = 0; round < 10; round++) {
    for (const id of ['ann', 'bob']) await call(nodes, 0, 'set-user', { id, user: { type: 1, enable: true } })
    const taken = await Promise.all(
      ['ann', 'bob'].map((id, n) =>
        round % 2 ? call(nodes, n, 'toggle-user', { id }) : call(nodes, n, 'set-user', { id, user: { remove: true } }),
      ),
    )
    const codes = taken.map(({ code }) => code).sort()
    assert.deepEqual(codes, round % 2 ? [3014, 3021] : [3013, 3014])
  }
})

for (const deaf of [false, true]) {
  test(
    `a key that one node revokes is dead on the other within a second${deaf ? ', though it hears nothing' : ''}`,
    skip,
    async (t) => {
      const nodes = await nodesFor(t, 2)
      const made = await call(nodes, 0, 'keys/create', {})
      const { key_id: apiKey, secret } = made.result as { key_id: string; secret: string }
      const key = { apiKey, secret }
      const lives = async () => (await send(urlOf(nodes, 1), 'ping', {}, key, { timestamp: now() })).json?.code === 9001
      assert.ok(await lives())
      const deafen = () =>
        nodes.rows(
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'countersign listen'`,
        )
      let done = false
      // One after another, and none is left when the database is dropped: its connection would be ended, too.
      async function keepDeaf() {
        for (; !done; await delay(30)) await deafen().catch(() => undefined)
      }
      const deafening = deaf ? keepDeaf() : undefined
      try {
        if (deaf) await delay(300)
        assert.ok(await lives())
        assert.equal((await call(nodes, 0, 'keys/revoke', { key: apiKey })).code, 6141)
        const revoked = performance.now()
        while (await lives()) assert.ok(performance.now() - revoked < 1_000, 'it lives on')
      } finally {
        done = true
        await deafening
      }
    },
  )
}

test(
  'a row that somebody keeps locked: 1411 after two seconds, nothing done, and others are served meanwhile',
  skip,
  async (t) => {
    const nodes = await nodesFor(t, 1)
    await call(nodes, 0, 'set-user', { id: 'ann', user: { type: 3 } })
    const holder = new pg.Client(nodes.databaseUrl)
    await holder.connect()
    try {
      await holder.query('begin')
      await holder.query(`update users set comment = 'held' where id = 'ann'`)
      const begun = performance.now()
      const blocked = call(nodes, 0, 'toggle-user', { id: 'ann' })
      assert.equal((await call(nodes, 0, 'sevu.request', ticket)).code, 2011)
      assert.ok(performance.now() - begun < 1_500)
      const { code } = await blocked
      const waited = performance.now() - begun
      assert.ok(code === 1411 && waited > 1_800 && waited < 6_000, `${code} after ${waited} ms`)
    } finally {
      await holder.query('rollback')
      await holder.end()
    }
    assert.equal((await call(nodes, 0, 'toggle-user', { id: 'ann' })).code, 3021)
  },
)

test('wrong passwords are counted for all nodes together, and a right one elsewhere is let in', skip, async (t) => {
  const nodes = await nodesFor(t, 2, undefined, { COUNTERSIGN_DIALECTS: 'native,astra' })
  await call(nodes, 0, 'set-user', { id: 'ann', user: { type: 1, password: 'the-right-one' } })
  const tried = async (n: number, password: string) => {
    const authorization = `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`
    const body = JSON.stringify({ cmd: 'get-user', id: 'ann' })
    return (await fetch(`${urlOf(nodes, n)}/control`, { method: 'POST', body, headers: { authorization } })).status
  }
  const statuses: number[] = []
  for (let n = 0; n < 14; n++) statuses.push(await tried(n, `wrong-${n}`))
  assert.deepEqual(statuses, [...Array(10).fill(401), ...Array(4).fill(429)])
})

test(
  'a node that is killed, and PostgreSQL that is restarted, under load: all that was acknowledged is there once, and all recovers',
  skip,
  async (t) => {
    const bin = postgresPrograms()
    if (bin === undefined) return void unchecked(t, 'the programs of PostgreSQL are not installed')
    const cluster = await clusterFor(t, bin)
    const nodes = await nodesFor(t, 2, cluster.url)
    const events: Promise<unknown>[] = []
    const onDone = (done: number) => {
      if (done === 300) events.push(nodes.restart(1))
      if (done === 800) cluster.restartAtOnce()
    }
    const count = 1_200
    assert.deepEqual(await spread(nodes, { count, parallel: 24, resendOneIn: 20, tag: 'load', onDone }), [])
    await Promise.all(events)
    assert.deepEqual(await countFaults(nodes, 'load', count), [])
    cluster.stop()
    const ready = async () => (await fetch(`${urlOf(nodes, 0)}/readyz`)).status
    const until = async (wanted: number) => {
      for (const begun = performance.now(); (await ready()) !== wanted; ) {
        assert.ok(performance.now() - begun < 10_000, `not ${wanted}`)
        await delay(50)
      }
    }
    await until(503)
    cluster.start()
    await until(200)
  },
)
