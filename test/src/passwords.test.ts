import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { passwords, TooManyPasswords } from '../../src/passwords.js'

/** Costs next to nothing, so that hundreds can be checked. */
const cheap = `scrypt$64$8$1$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(32).toString('base64')}`

test('a password is kept as scrypt of N 2^15, r 8, p 1 with a salt of its own, and is not in the hash', async () => {
  const { hash } = passwords(randomBytes)
  const [first, second] = await Promise.all([hash('correct horse'), hash('correct horse')])
  const [scheme, N, r, p, salt = '', digest = ''] = first.split('$')
  assert.deepEqual([scheme, N, r, p], ['scrypt', '32768', '8', '1'])
  assert.deepEqual([Buffer.from(salt, 'base64').length, Buffer.from(digest, 'base64').length], [16, 32])
  assert.notEqual(first, second)
  assert.notEqual(salt, second.split('$')[4])
  assert.ok(!first.includes('correct'))
})

test('only the same password verifies, code point for code point', async () => {
  const { hash, verify } = passwords(randomBytes)
  const kept = await hash('P\u00e4ss w\u00f6rd')
  const rows: readonly (readonly [password: string, right: boolean])[] = [
    ['P\u00e4ss w\u00f6rd', true],
    ['Pa\u0308ss wo\u0308rd', false],
    ['p\u00e4ss w\u00f6rd', false],
    ['P\u00e4ss w\u00f6rd ', false],
    ['', false],
  ]
  for (const [password, right] of rows) assert.equal(await verify(password, kept), right, JSON.stringify(password))
})

test('a hash made with other costs still verifies', async () => {
  const { verify } = passwords(randomBytes)
  // RFC 7914 §12: scrypt("password", "NaCl", N = 1024, r = 8, p = 16), its first 32 bytes.
  const digest = Buffer.from('fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162', 'hex')
  const kept = `scrypt$1024$8$16$${Buffer.from('NaCl').toString('base64')}$${digest.toString('base64')}`
  assert.equal(await verify('password', kept), true)
  assert.equal(await verify('Password', kept), false)
})

test('a stored hash of an unknown form is an error, never a match', async () => {
  const { verify } = passwords(randomBytes)
  for (const kept of [
    '',
    'password',
    '$2b$10$abcdefghijklmnopqrstuv',
    'scrypt$2$1$1$$',
    'scrypt$2$1$1',
    'md5$2$1$1$AAAA$AAAA',
  ]) {
    await assert.rejects(verify('password', kept), kept)
  }
  assert.equal(await verify('password', cheap), false)
})

test('at most four passwords are worked on at once, and four really are, in threads of the lowest priority', async () => {
  const { verify } = passwords(randomBytes)
  await Promise.all(Array.from({ length: 40 }, () => verify('x', cheap)))
  assert.equal(niceValues().filter((nice) => nice === 19).length, 4)
})

/** The nice value of each thread of this process (proc(5), /proc/PID/stat). */
function niceValues(): number[] {
  return readdirSync('/proc/self/task').map((thread) => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'latin1')
    return Number(/^.*\) (?:\S+ ){16}(\S+)/s.exec(stat)?.[1])
  })
}

test('when 256 wait the next is turned away at once, the others are served, and afterwards there is room again', async () => {
  const { verify } = passwords(randomBytes)
  const admitted = Array.from({ length: 4 + 256 }, () => verify('x', cheap))
  await assert.rejects(verify('x', cheap), TooManyPasswords)
  assert.deepEqual(new Set(await Promise.all(admitted)), new Set([false]))
  assert.equal(await verify('x', cheap), false)
})

test('accounts take turns with their passwords, and one of them has half of the places at most', async () => {
  const { of } = passwords(randomBytes)
  // Each takes some milliseconds: the order of the answers is that of the beginnings, but for the four threads.
  const short = cheap.replace('$64$', '$2048$')
  // The threads are there: one that is only made keeps its first job waiting.
  await Promise.all(Array.from({ length: 4 }, () => of(3).verify('x', short)))
  const order: number[] = []
  const work = (account: number) =>
    of(account)
      .verify('x', short)
      .then(() => void order.push(account))
  const flood = Array.from({ length: 4 + 128 }, () => work(1))
  await assert.rejects(work(1), TooManyPasswords)
  const other = work(2)
  await Promise.all([...flood, other])
  assert.ok(order.indexOf(2) <= 16, `${order.indexOf(2)} were hashed before`)
})

test('a failure gives its place back', async () => {
  const { verify } = passwords(randomBytes)
  const impossible = cheap.replace('scrypt$64$', 'scrypt$63$')
  await Promise.allSettled(Array.from({ length: 20 }, () => verify('x', impossible)))
  const results = await Promise.allSettled([
    ...Array.from({ length: 20 }, () => verify('x', impossible)),
    verify('x', cheap),
  ])
  assert.equal(results.filter(({ status }) => status === 'rejected').length, 20)
  assert.equal(results.at(-1)?.status, 'fulfilled')
})
