import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { isAuthentic, signText } from '../../clients/typescript/index.js'
import { root } from '../support/instance.js'
import { hasPrograms, run } from '../support/server.js'
import { vectors } from '../support/vectors.js'

const secrets = new Map(vectors.keys.map(({ api_key, secret }) => [api_key, secret]))
const base64 = (signed: string, key: string) =>
  Buffer.from(signText(signed, secrets.get(key) ?? '').mac, 'hex').toString('base64')

test('the TypeScript client signs, believes and tells apart as the vectors say', () => {
  for (const { reason, api_key: key, signed, mac_base64, mac_hex, body, signature_is } of vectors.requests) {
    const message = signText(signed, secrets.get(key) ?? '')
    assert.deepEqual([message.mac, base64(signed, key)], [mac_hex, mac_base64], reason)
    if (signature_is === 'last') assert.equal(message.body, body, reason)
  }
  for (const { reason, header, request_mac, status, body, secret, authentic } of vectors.replies) {
    assert.equal(isAuthentic(header, request_mac, status, body, secret), authentic, reason)
  }
  for (const { reason, api_key: key, signed, signature, genuine } of vectors.refusals) {
    assert.equal(base64(signed, key) === signature, genuine, reason)
  }
})

test('the Python client signs, believes and tells apart as the vectors say', async (t) => {
  if (!hasPrograms(t, 'python3')) return
  const args = ['-B', '-m', 'unittest', 'discover', '-s', 'tests']
  const { status, stderr } = await run('python3', args, { cwd: join(root, 'clients/python') })
  assert.equal(status, 0, stderr)
  assert.match(stderr, /^Ran 4 tests/m)
})

test('the PHP client signs, believes and tells apart as the vectors say', async (t) => {
  if (!hasPrograms(t, 'php')) return
  const { status, stdout, stderr } = await run('php', ['tests/vectors.php'], { cwd: join(root, 'clients/php') })
  assert.equal(status, 0, stderr + stdout)
  assert.match(stdout, /^\d{3} checked, 0 failed$/m)
})
