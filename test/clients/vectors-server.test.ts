import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isAuthentic } from '../../clients/typescript/index.js'
import { native } from '../../dialects/native.js'
import { MacKey } from '../../src/hmac.js'
import { loadCommands } from '../../src/own-commands.js'
import { refusedOutcome, reply } from '../../src/reply.js'
import { instanceFor } from '../support/commands.js'
import { root } from '../support/instance.js'
import { removeFolder, temporaryFolder } from '../support/server.js'
import { echoModule, vectors } from '../support/vectors.js'

const folder = temporaryFolder()
writeFileSync(join(folder, 'echo.mjs'), echoModule)
const extra = await loadCommands(folder)
test.after(() => removeFolder(folder))
const at = { timestamp: vectors.timestamp }
const secrets = new Map(vectors.keys.map(({ api_key, secret }) => [api_key, secret]))

test('clients/vectors.json is fresh', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/vectors.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
})

test('the gateway takes every request of the vectors, understands its value, and signs the reply', async (t) => {
  const gateway = await instanceFor(t, { extra, now: () => vectors.timestamp * 1000 })
  for (const { api_key: key, secret } of vectors.keys) {
    assert.equal((await gateway.call('keys/import', { key, secret, account: 1 }, at)).code, 6151)
  }
  for (const { reason, api_key: key, mac_hex: mac, body, header, value, code } of vectors.requests) {
    const answer = await gateway.post(body, { signature: header })
    const json = JSON.parse(answer.body)
    assert.equal(json.code, code, `${reason}: ${answer.body}`)
    assert.deepEqual(JSON.parse(json.result.text), value, reason)
    const signature = new Map(answer.headers).get('Countersign-Reply') ?? null
    assert.ok(isAuthentic(signature, mac, answer.status, answer.body, secrets.get(key) ?? ''), reason)
  }
})

test('the gateway refuses every refusal of the vectors with its code, and signs it only where the MAC was right', async (t) => {
  const gateway = await instanceFor(t, { extra, now: () => vectors.timestamp * 1000 })
  const [hex] = vectors.keys
  assert.ok(hex)
  const imported = { key: hex.api_key, secret: hex.secret, account: 1 }
  assert.equal((await gateway.call('keys/import', imported, at)).code, 6151)
  for (const { reason, body, header, code, genuine } of vectors.refusals) {
    const answer = await gateway.post(body, { signature: header })
    assert.equal(JSON.parse(answer.body).code, code, `${reason}: ${answer.body}`)
    const isSigned = new Map(answer.headers).has('Countersign-Reply')
    // Malformed ones are refused before their signature is looked at.
    assert.equal(isSigned, genuine && code !== 1400 && code !== 1401, reason)
  }
})

test('the gateway signs each believable reply of the vectors as they say, and none of the others', () => {
  for (const { reason, secret, request_mac: mac, status, body, header, authentic } of vectors.replies) {
    const key = new MacKey(secret)
    const dialect = { ...native, encode: () => ({ status, body }) }
    const exchange = { requestId: 'r', serverTime: 1, handleTime: 0 }
    const verified = { authority: Object(undefined), mac, key }
    const { headers } = reply(refusedOutcome('INTERNAL', {}, undefined, false), dialect, exchange, verified)
    assert.equal(new Map(headers).get('Countersign-Reply') === header, authentic, reason)
  }
})
