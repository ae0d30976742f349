import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import type { Authority } from '../../src/authority.js'
import { MacKey } from '../../src/hmac.js'
import { Refusal } from '../../src/refusal.js'
import { requireFresh, verify } from '../../src/verify.js'

const now = 1_795_332_418
const signed = '{"cmd":"set-user"}' // its MAC has a + in base64, so that alphabets differ
const hmac = (secret: string, text: string | Buffer = signed) => createHmac('sha256', secret).update(text).digest()

function authority(secrets: readonly (readonly [secret: string, until: number | null])[], known = true): Authority {
  return {
    known,
    keyId: 'ck_test',
    account: 1,
    lineage: 'ck_test',
    principal: { kind: 'owner', id: 'o' },
    permissions: ['*'],
    addresses: undefined,
    secrets: secrets.map(([secret, until]) => ({ key: new MacKey(secret), until, permissions: ['*'] })),
    enabled: true,
    expiresAt: null,
    ownExpiresAt: null,
    reload: async () => assert.fail('is not loaded again'),
    restsOn: [],
    stale: false,
  }
}

const proof = (mac: string, text: string | Buffer = signed) => ({ signed: text, mac })

const right = hmac('secret')
const accepts = (mac: string, by = authority([['secret', null]])) => verify(proof(mac), by, now) !== undefined

test('the right MAC is accepted in both canonical spellings, and is one identity', () => {
  for (const encoding of ['base64', 'hex'] as const) {
    const verified = verify(proof(right.toString(encoding)), authority([['secret', null]]), now)
    assert.equal(verified?.mac, right.toString('hex'))
  }
})

const wrong: readonly (readonly [what: string, mac: string])[] = [
  ['no characters', ''],
  ['white space', ' '],
  ['hex in capitals', right.toString('hex').toUpperCase()],
  ['base64 without padding', right.toString('base64').replace('=', '')],
  ['base64 in the URL alphabet', right.toString('base64url')],
  ['base64 in the URL alphabet, padded', `${right.toString('base64url')}=`],
  ['a line feed after it', `${right.toString('base64')}\n`],
  ['a space before it', ` ${right.toString('hex')}`],
  ['a prefix', `sha256=${right.toString('hex')}`],
  ['base64 of its hex', Buffer.from(right.toString('hex')).toString('base64')],
  ['the first half of it', right.toString('hex').slice(0, 32)],
  ['it twice', right.toString('hex').repeat(2)],
  ['the MAC of another text', hmac('secret', `${signed} `).toString('base64')],
  ['the MAC under another secret', hmac('Secret').toString('base64')],
  ['the MAC under the secret with a line feed', hmac('secret\n').toString('base64')],
  ['SHA-512', createHmac('sha512', 'secret').update(signed).digest('base64').slice(0, 44)],
  ['SHA-1', createHmac('sha1', 'secret').update(signed).digest('base64')],
  ['zeros', Buffer.alloc(32).toString('base64')],
  ['characters of two units', '\u{1f600}'.repeat(22)],
]
for (const [what, mac] of wrong) {
  test(`not accepted: ${what}`, () => {
    assert.ok(mac !== right.toString('base64') && mac !== right.toString('hex'))
    assert.equal(accepts(mac), false)
  })
}

test('not one bit of the MAC may differ', () => {
  for (let i = 0; i < 256; i++) {
    const changed = Buffer.from(right)
    changed[i >> 3] = (changed[i >> 3] ?? 0) ^ (1 << (i & 7))
    assert.equal(accepts(changed.toString('base64')), false)
    assert.equal(accepts(changed.toString('hex')), false)
  }
})

test('a secret is used as its UTF-8 text, never decoded, and bytes are signed as they are', () => {
  const cases: readonly (readonly [secret: string, text: string | Buffer])[] = [
    ['s\u00e9cret\u{1f600}', signed],
    ['00ff00ff00ff00ff00ff00ff00ff00ff', signed],
    ['c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0', '{"a":"\u00e9"}'],
    ['secret', Buffer.from('7b22fffe227d', 'hex')],
  ]
  for (const [secret, text] of cases) {
    const verified = verify(proof(hmac(secret, text).toString('hex'), text), authority([[secret, null]]), now)
    assert.ok(verified, secret)
  }
})

test('during the grace time of a rotation both secrets sign, afterwards only the new one', () => {
  const rotated = (until: number) =>
    authority([
      ['new', null],
      ['old', until],
    ])
  const rows: readonly (readonly [secret: string, until: number, accepted: boolean])[] = [
    ['new', now + 1, true],
    ['old', now + 1, true],
    ['new', now, true],
    ['old', now, false],
    ['old', now - 1, false],
    ['old', 0, false],
    ['other', now + 1, false],
  ]
  for (const [secret, until, accepted] of rows) {
    assert.equal(accepts(hmac(secret).toString('base64'), rotated(until)), accepted, `${secret} until ${until}`)
  }
})

test('the reply is signed with the secret that signed the request', () => {
  const verified = verify(
    proof(hmac('old').toString('hex')),
    authority([
      ['new', null],
      ['old', now + 9],
    ]),
    now,
  )
  assert.ok(verified?.key?.equals(new MacKey('old')))
})

test('the decoy of unknown keys lets nobody in, even with its own secret', () => {
  assert.equal(accepts(right.toString('base64'), authority([['secret', null]], false)), false)
})

// --- Freshness ---

type Edge = readonly [skew: number, floorBelowNow: number, answer: 'fresh' | 'STALE' | 'OVERLOADED']
const edges: readonly Edge[] = [
  [0, 1_000, 'fresh'],
  [300, 1_000, 'fresh'],
  [-300, 1_000, 'fresh'],
  [301, 1_000, 'STALE'],
  [-301, 1_000, 'STALE'],
  [-299, 300, 'fresh'],
  [-300, 300, 'STALE'],
  [0, 1, 'fresh'],
  [-1, 1, 'STALE'],
  [1, 1, 'fresh'],
  [0, 0, 'OVERLOADED'],
  [300, 0, 'OVERLOADED'],
  [300, -300, 'OVERLOADED'],
  [-4_000, -300, 'OVERLOADED'],
]
for (const [skew, below, answer] of edges) {
  test(`a timestamp ${skew} s off, with the floor ${below} s below the clock: ${answer}`, () => {
    const call = () => requireFresh(now + skew, now, 300, now - below)
    if (answer === 'fresh') call()
    else assert.throws(call, (error) => error instanceof Refusal && error.code === answer)
  })
}

test('a stale message is told its signed skew, a restored instance when to come back', () => {
  const detail = (skew: number, floor: number) => {
    try {
      requireFresh(now + skew, now, 300, floor)
    } catch (error) {
      if (error instanceof Refusal) return error.detail
    }
    return assert.fail('was fresh')
  }
  assert.equal(detail(400, 0).skew, 400)
  assert.equal(detail(-400, 0).skew, -400)
  assert.equal(detail(0, now).retryAfter, 1)
  assert.equal(detail(0, now + 300).retryAfter, 301)
})
