import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressList } from '../../src/address.js'
import { forwardedFor } from '../../src/http-forwarded.js'
import { testInstance } from '../support/instance.js'
import { plain, type Shape, shapes } from '../support/shapes.js'

const size = 1_048_576
/** A message may take so many times what a plain one of its size takes. */
const factor = 5
const tries = 15

const usual = await testInstance({ limitFailures: 1_000_000, limitWaste: 1_000_000 })
const wide = await testInstance({ bodyLimit: 2 * size, limitFailures: 1_000_000, limitWaste: 1_000_000 })
test.after(() => Promise.all([usual.close(), wide.close()]))

/**
 * Milliseconds of the processor: the least of some tries, for what others do beside them is no cost of the message. No
 * more tries once it is below `enough`.
 */
async function cost({ of }: Shape, gateway: typeof wide, enough = 0): Promise<number> {
  const { body, ...wire } = of(size)
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < tries && least > enough; i++) {
    const begun = process.cpuUsage()
    const { status } = await gateway.post(body, wire)
    const { user, system } = process.cpuUsage(begun)
    assert.ok(status < 500, `${status}`)
    least = Math.min(least, (user + system) / 1_000)
  }
  return least
}

const plainCost = await cost(plain, wide)

for (const shape of shapes) {
  test(`1 MiB takes no more than ${factor} times what a plain message of that size takes: ${shape.name}`, async () => {
    const most = factor * plainCost
    const took = await cost(shape, wide, most)
    // The machine may have been faster when a plain message was measured.
    if (took > most && took <= factor * (await cost(plain, wide))) return
    assert.ok(took <= most, `${took.toFixed(1)} ms, against ${plainCost.toFixed(1)} ms of a plain message`)
  })
}

const raising: readonly string[] = ['stats/report', 'stats\\/report', 'stats%2Freport', 'stats%5c%2Freport']
for (const text of raising) {
  test(`looking for what allows 1 MiB takes no longer in nearly the same text: ${text}`, async () => {
    const near = text.slice(0, -1).repeat(size / text.length)
    const most = factor * plainCost
    for (const body of [`{"a":"${near}"}`, `json=${near}${text}`]) {
      const took = await cost({ name: text, of: () => ({ body }) }, usual, most)
      assert.ok(took <= most, `${took.toFixed(1)} ms, against ${plainCost.toFixed(1)} ms of a plain message`)
    }
  })
}

test('256 KiB of a multipart form whose values nearly match each other take a moment, not seconds', async () => {
  const shape = shapes.find(({ name }) => name.includes('nearly match'))
  assert.ok(shape)
  const { body, ...wire } = shape.of(262_000)
  const begun = process.cpuUsage()
  await usual.post(body, wire)
  const { user, system } = process.cpuUsage(begun)
  assert.ok(user + system < 500_000, `${(user + system) / 1_000} ms`)
})

test('of an X-Forwarded-For the last hops alone are looked up, however many a client wrote', () => {
  const trusted = addressList(['10.0.0.0/8', 'fd00::/8'])
  let looked = 0
  const counting = {
    ...trusted,
    has(address: string) {
      looked++
      return trusted.has(address)
    },
  }
  assert.equal(forwardedFor(`${'2001:db8::1,'.repeat(1_000)} 192.0.2.7 , 10.0.0.2,fd00::1`, counting), '192.0.2.7')
  assert.equal(looked, 3)
  looked = 0
  assert.equal(forwardedFor('10.0.0.1,'.repeat(2_000).slice(0, -1), counting), '10.0.0.1')
  assert.equal(looked, 32)
  for (const [header, address] of [
    ['', ''],
    [',', ''],
    [',10.0.0.1', ''],
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ['192.0.2.1,192.0.2.2', '192.0.2.2'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['a\u001b[31m', 'a?[31m'],
  ] as const) {
    assert.equal(forwardedFor(header, trusted), address, header)
  }
})
