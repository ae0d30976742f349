import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Credentials, send } from '../../clients/typescript/index.js'
import { faultsOf, readFolder } from '../support/folder.js'
import { removeFolder, runCli, serverFor, startServer, temporaryFolder } from '../support/server.js'

const now = () => Math.floor(Date.now() / 1000)
const folder = temporaryFolder()
const [one, two] = [await startServer({ folder }), await startServer({ folder })]
test.after(async () => {
  await Promise.all([one.stop('SIGKILL'), two.stop('SIGKILL')])
  removeFolder(folder)
})

test('two gateways that write side by side lose nothing, double nothing, and keep one audit chain', async () => {
  const ids = Array.from({ length: 200 }, (_, index) => `side-${index}`)
  const codes = await Promise.all(
    ids.map(async (id, index) => {
      const gateway = index % 2 === 0 ? one : two
      const saved = await gateway.call('set-user', { id, user: { type: 3 } })
      const toggled = await (index % 2 === 0 ? two : one).call('toggle-user', { id })
      return [saved.json?.code, toggled.json?.code]
    }),
  )
  assert.deepEqual(
    codes,
    ids.map(() => [3011, 3021]),
  )
  const file = readFolder(folder)
  assert.deepEqual(file.rows("select count(*) as n, sum(enable) as enabled from users where id like 'side-%'"), [
    { n: 200, enabled: 0 },
  ])
  file.close()
  assert.deepEqual(faultsOf(folder), [])
})

test('numbers that are given out once are given out once by two gateways', async () => {
  const replies = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      (index % 2 === 0 ? one : two).call('sevu.addstreamuser', { app: 'a', stream: 's', user: `n-${index}` }),
    ),
  )
  const ids = replies.map(({ json }) => Object(json?.result).streamuser_id)
  assert.deepEqual(
    ids.sort((a, b) => a - b),
    Array.from({ length: 40 }, (_, index) => index + 1),
  )
})

test('a resend to the other gateway gets the outcome that the first one stored', async () => {
  const envelope = { timestamp: now(), idempotencyKey: 'elsewhere-1' }
  const params = { id: 'elsewhere', user: { type: 3 } }
  const first = await one.call('set-user', params, envelope)
  const again = await two.call('set-user', params, envelope)
  const other = await two.call('set-user', { ...params, user: { type: 2 } }, envelope)
  assert.deepEqual([first.json?.code, first.json?.replayed], [3011, undefined])
  assert.deepEqual([again.json?.code, again.json?.replayed, again.json?.result], [3011, true, first.json?.result])
  assert.equal(other.json?.code, 1410)
})

test('what the command line, or the other gateway, changes about who may act holds at once', async () => {
  const secret = 'a secret of the vendor, long enough'
  const secretFile = join(folder, 'secret.txt')
  writeFileSync(secretFile, `${secret}\n`)
  const vendor: Credentials = { apiKey: 'VENDORKEY1', secret }
  const ask = async (gateway: typeof one) =>
    (await send(gateway.url, 'whoami', {}, vendor, { timestamp: now() })).json?.code
  // Unknown so far, and remembered as such by both.
  assert.deepEqual([await ask(one), await ask(two)], [1401, 1401])
  const args = ['key', 'import', '--cdn', '1', '--api-key', vendor.apiKey, '--secret-file', secretFile]
  const imported = await runCli([...args, '--data', folder])
  assert.equal(imported.status, 0, imported.stderr)
  assert.deepEqual([await ask(one), await ask(two)], [9011, 9011])

  const created = await one.call('accounts/create', { account: 7, enable: false })
  assert.equal(created.json?.code, 9201)
  const other: Credentials = { apiKey: 'VENDORKEY7', secret }
  const given = await two.call('keys/import', { key: other.apiKey, secret, account: 7 })
  assert.equal(given.json?.code, 6151)
  for (const { url } of [one, two]) {
    const reply = await send(url, 'whoami', {}, other, { timestamp: now() })
    assert.equal(reply.json?.code, 1407, 'the account is disabled')
  }
})

test('a gateway that is killed leaves the other one working', async (t) => {
  const third = await serverFor(t, { folder })
  const sending = Array.from({ length: 50 }, (_, index) =>
    third.call('set-user', { id: `third-${index}`, user: { type: 3 } }).then(
      ({ json }) => json?.code === 3011,
      () => false,
    ),
  )
  await Promise.race(sending)
  await third.stop('SIGKILL')
  const answered = await Promise.all(sending)
  const after = await one.call('set-user', { id: 'after-third', user: { type: 3 } })
  assert.equal(after.json?.code, 3011)
  for (const [index, done] of answered.entries()) {
    if (done) assert.equal((await two.call('get-user', { id: `third-${index}` })).json?.code, 3001)
  }
  assert.ok(answered.includes(true))
  assert.deepEqual(faultsOf(folder), [])
})

test('gateways started at once on an empty folder agree on one master key, one account and one owner key', async (t) => {
  const empty = join(temporaryFolder(), 'data')
  const gateways = await Promise.all([1, 2, 3].map(() => serverFor(t, { folder: empty })))
  for (const gateway of gateways) {
    const id = `by-${gateway.port}`
    assert.equal(
      (await gateway.call('set-user', { id, user: { type: 3, token: 'sealed under the key' } })).json?.code,
      3011,
    )
  }
  const shown = await Promise.all(
    gateways.map((gateway) => gateway.call('get-user', { id: `by-${gateways[0]?.port}` })),
  )
  for (const { json } of shown) assert.equal(json?.code, 3001)
  const file = readFolder(empty)
  assert.deepEqual(file.rows('select count(*) as keys from keys'), [{ keys: 1 }])
  file.close()
  for (const gateway of gateways) assert.equal(await gateway.stop(), 0)
  assert.deepEqual(readdirSync(empty).sort(), [
    'admin-key.json',
    'audit.head',
    'countersign.db',
    'countersign.lock',
    'master.key',
  ])
  assert.deepEqual(faultsOf(empty), [])
  removeFolder(join(empty, '..'))
})
