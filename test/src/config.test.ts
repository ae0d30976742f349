import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { settings } from '../../schemas/config.js'
import { type Config, ConfigError, readEnv, toConfig } from '../../src/config.js'

const dialects = ['native', 'scaleengine', 'uplynk']
const read = (env: Record<string, string>, flags: Record<string, string> = {}) =>
  toConfig(readEnv(env, flags), dialects)

function faultsOf(env: Record<string, string>, flags: Record<string, string> = {}): readonly string[] {
  try {
    read(env, flags)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

test('without any setting the documented defaults hold', () => {
  const {
    data,
    host,
    port,
    dialects: on,
    window,
    bodyLimit,
    limitFailures,
    limitKey,
    trustProxy,
    vendorPaths,
  } = read({})
  assert.deepEqual(
    { data, host, port, on, window, bodyLimit, limitFailures, limitKey, trusted: trustProxy.entries, vendorPaths },
    {
      data: resolve('./data'),
      host: '127.0.0.1',
      port: 8420,
      on: dialects,
      window: 300,
      bodyLimit: 256 * 1024,
      limitFailures: 1000,
      limitKey: 0,
      trusted: [],
      vendorPaths: false,
    },
  )
  assert.equal(read({}).keep, 24 * 60 * 60)
  assert.equal(read({}).stallLimit, 30)
  assert.equal(read({}).walSize, 256)
  assert.equal(read({}).limitWaste, 64)
})

test('a configuration cannot be changed after it was read', () => {
  const config = read({})
  assert.throws(() => Object.assign(config, { window: 9_999 }), TypeError)
})

test('a flag comes before a variable, a variable before the default, and an empty variable counts as not given', () => {
  assert.equal(read({ COUNTERSIGN_PORT: '1' }, { port: '2' }).port, 2)
  assert.equal(read({ COUNTERSIGN_PORT: '1' }).port, 1)
  assert.equal(read({ COUNTERSIGN_PORT: '' }).port, 8420)
})

test('variables of others are left alone', () => {
  assert.deepEqual(faultsOf({ PATH: '/bin', COUNTERSIGN: 'x', countersign_port: 'x', XCOUNTERSIGN_PORT: 'x' }), [])
})

test('every fault is told at once, each with the name of its setting', () => {
  const faults = faultsOf(
    {
      COUNTERSIGN_WINDOW: 'five minutes',
      COUNTERSIGN_DIALECTS: 'native,klingon',
      COUNTERSIGN_TRUST_PROXY: '10.0.0.0/8,10.0.0.1/8',
      COUNTERSIGN_VENDOR_PATHS: 'yes',
      COUNTERSIGN_PUBLIC_URL: 'ftp://example.org',
      COUNTERSIGN_LOG_LEVEL: 'loud',
      COUNTERSIGN_HOST: 'not a host',
      COUNTERSIGN_REQUIRE_AUDIENCE: 'on',
      COUNTERSIGN_MASTER_KEY: 'a',
      COUNTERSIGN_MASTER_KEY_FILE: 'b',
      COUNTERSIGN_PROT: '8420',
    },
    { port: '65536' },
  )
  const named = ['--port', ...['WINDOW', 'DIALECTS', 'TRUST_PROXY', 'VENDOR_PATHS', 'PUBLIC_URL', 'LOG_LEVEL', 'HOST']]
  for (const name of [...named, 'REQUIRE_AUDIENCE', 'MASTER_KEY', 'PROT']) {
    assert.ok(
      faults.some((fault) => fault.includes(name)),
      `${name} in ${faults.join('\n')}`,
    )
  }
  assert.equal(faults.length, 11)
})

const misspelt: readonly (readonly [variable: string, suggestion: string | undefined])[] = [
  ['COUNTERSIGN_PROT', 'COUNTERSIGN_PORT'],
  ['COUNTERSIGN_DIALECT', 'COUNTERSIGN_DIALECTS'],
  ['COUNTERSIGN_LIMIT_FAILURE', 'COUNTERSIGN_LIMIT_FAILURES'],
  ['COUNTERSIGN_TRUSTED_PROXY', 'COUNTERSIGN_TRUST_PROXY'],
  ['COUNTERSIGN_port', 'COUNTERSIGN_PORT'],
  ['COUNTERSIGN_XYZ', undefined],
  ['COUNTERSIGN_', undefined],
]
for (const [variable, suggestion] of misspelt) {
  test(`${variable} is not a setting${suggestion ? `, and ${suggestion} is suggested` : ''}`, () => {
    const [fault = '', ...others] = faultsOf({ [variable]: '1' })
    assert.deepEqual(others, [])
    assert.ok(fault.startsWith(`${variable} is not a setting`))
    assert.equal(/did you mean (.*)\?$/.exec(fault)?.[1], suggestion)
  })
}

const bad: readonly (readonly [name: string, ...values: string[]])[] = [
  ['PORT', '-1', '65536', '80.5', '1e3', '0x50', ' 80', '80 ', 'http', '9'.repeat(17), '\u0668\u0660'],
  ['WINDOW', '-1', '0', '1.5', '5m', 'Infinity', 'NaN'],
  ['KEEP', '24h', '-1', '299'],
  ['BODY_LIMIT', '0', '256k', '-1'],
  ['LIMIT_FAILURES', '0', '-1', 'none'],
  ['LIMIT_KEY', '-1', 'none'],
  ['LIMIT_WASTE', '0', '-1', '64M'],
  ['VENDOR_PATHS', 'true', '1', 'ON', 'yes'],
  ['REQUIRE_AUDIENCE', 'true', 'on'],
  ['DIALECTS', 'klingon', 'native,klingon', 'native scaleengine', 'NATIVE', ','],
  ['TRUST_PROXY', 'proxy.example.org', '*', '10.0.0.1/8', '10.0.0.0/33', 'loopback', '127.1'],
  [
    'PUBLIC_URL',
    ...['example.org', '//example.org', 'javascript:alert(1)', 'http://'],
    ...['https://me:secret@example.org', 'https://example.org/?a=b', 'https://example.org/#a'],
  ],
  ['LOG_LEVEL', 'INFO', 'verbose', '3'],
  ['HOST', 'a b', '-x', 'http://localhost', '127.0.0.1:80', '[::1]'],
  ['DATABASE_URL', 'sqlite:x.db', 'mysql://localhost/x', 'localhost/x', 'postgres://'],
]
for (const [name, ...values] of bad) {
  test(`COUNTERSIGN_${name} takes no ${values.map((value) => JSON.stringify(value)).join(', ')}`, () => {
    for (const value of values) {
      const faults = faultsOf({ [`COUNTERSIGN_${name}`]: value })
      assert.equal(faults.length, 1, `${value}: ${faults.join('\n')}`)
      assert.ok(faults[0]?.includes(`COUNTERSIGN_${name}`), faults[0])
    }
  })
}

type Good = readonly [name: string, value: string, read: (config: Config) => unknown, expected: unknown]
const good: readonly Good[] = [
  ['PORT', '0', ({ port }) => port, 0],
  ['PORT', '65535', ({ port }) => port, 65_535],
  ['HOST', '::', ({ host }) => host, '::'],
  ['HOST', 'gateway.example.org', ({ host }) => host, 'gateway.example.org'],
  ['DIALECTS', ' scaleengine , native ', ({ dialects: on }) => on, ['scaleengine', 'native']],
  ['DIALECTS', 'native', ({ dialects: on }) => on, ['native']],
  [
    'TRUST_PROXY',
    '127.0.0.1, 10.0.0.0/8,::1',
    ({ trustProxy }) => trustProxy.entries,
    ['127.0.0.1', '10.0.0.0/8', '::1'],
  ],
  ['PUBLIC_URL', 'https://example.org/', ({ publicUrl }) => publicUrl, 'https://example.org'],
  ['PUBLIC_URL', 'https://example.org/gateway/', ({ publicUrl }) => publicUrl, 'https://example.org/gateway'],
  ['VENDOR_PATHS', 'on', ({ vendorPaths }) => vendorPaths, true],
  ['KEEP', '300', ({ keep }) => keep, 300],
  ['AUDIENCE', 'eu-1', ({ audience }) => audience, 'eu-1'],
  ['DATA', '/srv/x', ({ data }) => data, '/srv/x'],
  ['COMMANDS', '', ({ commands }) => commands, ''],
  ['COMMANDS', 'own', ({ commands }) => commands, resolve('own')],
]
for (const [name, value, get, expected] of good) {
  test(`COUNTERSIGN_${name} takes ${JSON.stringify(value)}`, () => {
    assert.deepEqual(get(read({ [`COUNTERSIGN_${name}`]: value })), expected)
  })
}

test('a dialect whose replies link to the gateway needs to know how clients reach it, once it is named', () => {
  const linking = (env: Record<string, string>) =>
    toConfig(readEnv(env), [...dialects, 'linked'], ['linked']).dialects.includes('linked')
  const named = { COUNTERSIGN_DIALECTS: 'native,linked' }
  assert.equal(linking({}), false)
  assert.equal(linking({ ...named, COUNTERSIGN_PUBLIC_URL: 'https://control.example.org' }), true)
  assert.throws(() => linking(named), /names linked, .*set COUNTERSIGN_PUBLIC_URL/)
  // One fault is enough for a URL that cannot be read.
  assert.throws(
    () => linking({ ...named, COUNTERSIGN_PUBLIC_URL: 'control.example.org' }),
    (error: ConfigError) => error.faults.length === 1,
  )
})

test('no fault repeats what may be a secret', () => {
  const secret = 'canary-0123456789'
  const env = { COUNTERSIGN_MASTER_KEY: secret, COUNTERSIGN_MASTER_KEY_FILE: 'x', COUNTERSIGN_DATABASE_URL: secret }
  const faults = faultsOf({ ...env, COUNTERSIGN_MASTERKEY: secret })
  assert.equal(faults.length, 3)
  assert.ok(!faults.join().includes(secret))
})

test('every setting is read under its own variable', () => {
  const names = Object.values(settings).map(({ env }) => env)
  assert.equal(new Set(names).size, names.length)
  const env = Object.fromEntries(
    Object.values(settings).map(({ env, default: value }) => [`COUNTERSIGN_${env}`, value]),
  )
  assert.deepEqual(JSON.stringify(read(env)), JSON.stringify(read({})))
})
