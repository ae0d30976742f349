import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Wire } from '../../src/dialect.js'
import { absoluteTarget } from '../../src/http-target.js'
import { instanceFor } from '../support/commands.js'
import { listen } from '../support/listener.js'
import { exchange, post } from '../support/raw.js'

test('what an absolute form names: the path with its query, and the host', () => {
  for (const [url, host, path] of [
    ['http://example.org/control', 'example.org', '/control'],
    ['HTTP://example.org:8420/control/?a=b', 'example.org:8420', '/control/?a=b'],
    ['https://[2001:db8::1]:1/a//b', '[2001:db8::1]:1', '/a//b'],
    ['http://example.org', 'example.org', '/'],
    ['http://example.org?a', 'example.org', '/?a'],
  ]) {
    assert.deepEqual(absoluteTarget(url ?? ''), { url: path, host }, url)
  }
  for (const url of [
    '/control',
    '*',
    'http://',
    'http:///a',
    'http://a@b/',
    'ftp://a/',
    'http://a#b',
    'http://[::1/a',
    '',
  ]) {
    assert.equal(absoluteTarget(url), undefined, url)
  }
})

test('the host of an absolute form counts in place of the Host header, also where a browser of another site is refused', async (t) => {
  const gateway = await instanceFor(t)
  const wires: Wire[] = []
  const port = await listen(t, gateway, {
    handle(wire) {
      wires.push(wire)
      return gateway.handle(wire)
    },
  })
  await exchange(port, post('{}', [], 'http://gateway.example:8420/control?a=b'))
  const [wire] = wires
  assert.deepEqual([wire?.host, wire?.path, wire?.query], ['gateway.example:8420', '/control', 'a=b'])
})
