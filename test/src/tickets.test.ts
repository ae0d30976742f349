import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playableFrom, readExpiry, shownTicket } from '../../src/tickets.js'

const now = 1_795_332_418

test('an expiry is a moment in UTC, ISO 8601 with its zone, or so much from now', () => {
  const rows: readonly (readonly [text: string, moment: number | undefined])[] = [
    ['2030-01-01 00:00:00', 1_893_456_000],
    ['2030-01-01', 1_893_456_000],
    ['2030-01-01 00:01', 1_893_456_060],
    ['2030-01-01T00:00:00Z', 1_893_456_000],
    ['2030-01-01T00:00:00+02:00', 1_893_448_800],
    ['2030-01-01T00:00:00-0200', 1_893_463_200],
    ['2030-01-01T00:00:00.9Z', 1_893_456_000],
    [' 2028-02-29 ', 1_835_395_200],
    ['9999-12-31 23:59:59', 253_402_300_799],
    ['+1 second', now + 1],
    ['+30 seconds', now + 30],
    ['+5minutes', now + 300],
    ['+2 Hours', now + 7_200],
    ['+1 day', now + 86_400],
    ['+52 weeks', now + 52 * 604_800],
    ...['', '0', '1795332418', 'never', 'tomorrow', '+', '+1', '1 day', '-1 day', '+1.5 days', '+1 dayss'].map(none),
    ...['+1 month', '+1 fortnight', '+999999999 weeks', '2030-02-29', '2030-04-31', '2030-13-01', '2030-1-1'].map(none),
    ...['2030-01-01 25:00:00', '2030-01-01 00:60:00', '2030-01-01 00:00:00 UTC', '01/02/2030', '1960-01-01'].map(none),
    ...['2030-01-01T00:00:00+25:00', '0000-00-00 00:00:00', '10000-01-01', '2030-01-01\n+1 day'].map(none),
  ]
  for (const [text, moment] of rows) assert.equal(readExpiry(text, now), moment, JSON.stringify(text))
})

test('a list of addresses is kept as given, with auto as the caller’s address or its network', () => {
  const rows: readonly (readonly [ip: string, from: string, kept: string | undefined])[] = [
    ['10.0.0.1', '192.0.2.9', '10.0.0.1'],
    ['10.0.0.1 | 2001:db8::/32', '192.0.2.9', '10.0.0.1|2001:db8::/32'],
    ['0.0.0.0/0', '192.0.2.9', '0.0.0.0/0'],
    ['auto', '192.0.2.9', '192.0.2.9'],
    ['auto', '2001:db8::9', '2001:db8::9'],
    ['auto/24', '192.0.2.9', '192.0.2.0/24'],
    ['auto/20', '192.0.255.9', '192.0.240.0/20'],
    ['auto/32', '192.0.2.9', '192.0.2.9/32'],
    ['auto/0', '192.0.2.9', '0.0.0.0/0'],
    ['auto|10.0.0.0/8', '192.0.2.9', '192.0.2.9|10.0.0.0/8'],
    ...['', '|', 'any', '*', 'auto/33', 'auto/', 'auto/-1', 'auto/2.4', 'automatic', '10.0.0.1/8', '10.1'].map(
      (ip) => [ip, '192.0.2.9', undefined] as const,
    ),
    ['auto/24', '2001:db8::9', undefined],
    ['auto', 'local', undefined],
  ]
  for (const [ip, from, kept] of rows) assert.equal(playableFrom(ip, from), kept, `${ip} from ${from}`)
})

test('a ticket is shown active only while it could be used', () => {
  const ticket = {
    ticket: 'k',
    app: 'a',
    video: 'v',
    ip: '',
    uses: 0,
    used: 7,
    active: true,
    created_at: now,
    used_at: 0,
    expire_at: 0,
  }
  const rows: readonly (readonly [change: object, active: boolean])[] = [
    [{}, true],
    [{ active: false }, false],
    [{ expire_at: now + 1 }, true],
    [{ expire_at: now }, false],
    [{ uses: 8 }, true],
    [{ uses: 7 }, false],
  ]
  for (const [change, active] of rows) {
    assert.equal(shownTicket({ ...ticket, ...change }, now).active, active, JSON.stringify(change))
  }
})

const none = (text: string) => [text, undefined] as const
