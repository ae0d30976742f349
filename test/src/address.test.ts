import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressList, foldAddress, limitedBy } from '../../src/address.js'

const lists: readonly (readonly [list: string, has: readonly string[], hasNot: readonly string[]])[] = [
  [
    '192.0.2.7',
    ['192.0.2.7', '::ffff:192.0.2.7', '::ffff:c000:207'],
    ['192.0.2.8', '::192.0.2.7', '64:ff9b::c000:207'],
  ],
  ['192.0.2.7/32', ['192.0.2.7'], ['192.0.2.6']],
  ['192.0.2.0/24', ['192.0.2.0', '192.0.2.255', '::ffff:192.0.2.9'], ['192.0.1.255', '192.0.3.0']],
  ['192.0.2.128/25', ['192.0.2.128', '192.0.2.255'], ['192.0.2.127']],
  ['10.0.0.0/8', ['10.255.255.255'], ['11.0.0.0', '9.255.255.255']],
  ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255', '::ffff:1.2.3.4'], ['::', '::1', '2001:db8::1']],
  ['::/0', ['::', '::1', '2001:db8::1', 'fe80::1%eth0'], ['1.2.3.4', '::ffff:1.2.3.4', '::ffff:102:304', '0.0.0.0']],
  ['::ffff:192.0.2.7', ['192.0.2.7', '::ffff:192.0.2.7'], ['192.0.2.8', '::c000:207']],
  ['::ffff:192.0.2.0/120', ['192.0.2.1', '::ffff:192.0.2.255'], ['192.0.3.0']],
  ['::ffff:0:0/96', ['1.2.3.4'], ['::1']],
  ['2001:db8::/32', ['2001:db8::1', '2001:DB8:ffff::', '2001:0db8:0:0:0:0:0:1'], ['2001:db9::1', '32.1.13.184']],
  ['2001:db8::1', ['2001:db8:0:0::1'], ['2001:db8::2']],
  ['fe80::1', ['fe80::1%eth0'], ['fe80::2%eth0']],
  ['::192.0.2.7', ['::c000:207', '::192.0.2.7'], ['192.0.2.7', '::ffff:192.0.2.7']],
  ['::1', ['0:0:0:0:0:0:0:1'], ['127.0.0.1', '::']],
]
for (const [list, has, hasNot] of lists) {
  test(`the list ${list} has what lies in it and nothing else`, () => {
    const parsed = addressList([list])
    for (const address of has) assert.equal(parsed.has(address), true, address)
    for (const address of hasNot) assert.equal(parsed.has(address), false, address)
  })
}

test('an empty list has nothing; a longer one has what any entry has', () => {
  assert.equal(addressList([]).has('127.0.0.1'), false)
  const list = addressList(['192.0.2.0/24', '::1'])
  assert.deepEqual(
    ['192.0.2.1', '::1', '192.0.3.1', '::2'].map((address) => list.has(address)),
    [true, true, false, false],
  )
})

test('a caller whose address cannot be read is on no list', () => {
  const any = addressList(['0.0.0.0/0', '::/0'])
  for (const address of [
    '',
    'localhost',
    'unknown',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '::ffff:1.2.3',
    '1.2.3.4:80',
    '[::1]',
  ]) {
    assert.equal(any.has(address), false, address)
  }
})

test('a caller is on a list only under the one spelling of an IPv4 address', () => {
  const any = addressList(['0.0.0.0/0'])
  for (const address of ['010.0.0.1', '0x7f.0.0.1', '127.1', '2130706433', '1.2.3.4 ']) {
    assert.equal(any.has(address), false, address)
  }
})

const refused: readonly (readonly [entry: string, why: RegExp])[] = [
  ['', /not an address/],
  ['*', /not an address/],
  ['any', /not an address/],
  ['localhost', /not an address/],
  ['example.org', /not an address/],
  ['1.2.3', /not an address/],
  ['127.1', /not an address/],
  ['010.0.0.1', /not an address/],
  ['0x7f000001', /not an address/],
  ['2130706433', /not an address/],
  ['1.2.3.256', /not an address/],
  ['1.2.3.4 ', /not an address/],
  [' 1.2.3.4', /not an address/],
  ['1.2.3.4:80', /not an address/],
  ['[::1]', /not an address/],
  ['fe80::1%eth0', /not an address/],
  ['1.2.3.4-1.2.3.9', /not an address/],
  ['1.2.3.0/24/24', /not an address/],
  ['/24', /not an address/],
  ['1.2.3.0/', /no valid mask/],
  ['1.2.3.0/33', /no valid mask/],
  ['1.2.3.0/-1', /no valid mask/],
  ['1.2.3.0/024', /no valid mask/],
  ['1.2.3.0/2 4', /no valid mask/],
  ['1.2.3.0/24.0', /no valid mask/],
  ['1.2.3.0/1e1', /no valid mask/],
  ['1.2.3.0/255.255.255.0', /no valid mask/],
  ['1.2.3.0/any', /no valid mask/],
  ['2001:db8::/129', /no valid mask/],
  ['::ffff:1.2.3.0/95', /no valid mask/],
  ['::ffff:1.2.3.0/24', /no valid mask/],
  ['1.2.3.4/24', /host bits/],
  ['1.2.3.4/0', /host bits/],
  ['1.2.3.1/31', /host bits/],
  ['2001:db8::1/64', /host bits/],
  ['::1/0', /host bits/],
  ['::ffff:1.2.3.4/120', /host bits/],
]
for (const [entry, why] of refused) {
  test(`the entry "${entry}" is refused by name, never read as any`, () => {
    assert.throws(
      () => addressList(['192.0.2.1', entry]),
      (error: Error) => why.test(error.message) && error.message.includes(`"${entry}"`),
    )
  })
}

test('a block has exactly the addresses whose first bits are its own', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), fc.nat(2 ** 32 - 1), fc.integer({ min: 0, max: 32 }), (network, address, bits) => {
      const size = 2 ** (32 - bits)
      const start = Math.floor(network / size) * size
      const dotted = (number: number) => [24, 16, 8, 0].map((shift) => (number / 2 ** shift) & 255).join('.')
      const near = start + (address % (size * 2))
      for (const caller of [address, Math.min(near, 2 ** 32 - 1)]) {
        const inside = caller >= start && caller < start + size
        assert.equal(addressList([`${dotted(start)}/${bits}`]).has(dotted(caller)), inside)
      }
    }),
  )
})

test('an address is shown in one spelling: IPv4 where it is mapped, no zone, IPv6 shortened', () => {
  const rows = [
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::FFFF:127.0.0.1', '127.0.0.1'],
    ['::ffff:7f00:1', '127.0.0.1'],
    ['0:0:0:0:0:ffff:7f00:0001', '127.0.0.1'],
    ['::127.0.0.1', '::7f00:1'],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['local', 'local'],
  ] as const
  for (const [address, shown] of rows) assert.equal(foldAddress(address), shown)
})

test('limits count an IPv4 address by itself and an IPv6 address by its /64', () => {
  const same = (a: string, b: string) => limitedBy(a) === limitedBy(b)
  assert.ok(same('2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'))
  assert.ok(same('2001:db8:1:2::1', '2001:0DB8:0001:0002:0:0:0:9'))
  assert.ok(!same('2001:db8:1:2::1', '2001:db8:1:3::1'))
  assert.ok(!same('192.0.2.1', '192.0.2.2'))
  assert.ok(!same('::1', '192.0.2.1'))
})
