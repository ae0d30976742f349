import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Wire } from '../../src/dialect.js'
import { instanceFor } from '../support/commands.js'
import { mac, type TestInstance, wireOf } from '../support/instance.js'
import { makeKey } from '../support/keys.js'

const pairs = 10_000
/** A machine that does something else meanwhile is asked again. */
const tries = 4

/** Microseconds that a request takes. */
async function took({ handle }: TestInstance, wire: Wire): Promise<number> {
  const started = performance.now()
  await handle(wire)
  return (performance.now() - started) * 1_000
}

function median(values: number[]): number {
  values.sort((a, b) => a - b)
  return values[values.length >> 1] ?? 0
}

/** The median of how much longer the first of a pair takes; who goes first changes, so that neither profits. */
async function difference(gateway: TestInstance, one: Wire, other: Wire, count: number): Promise<number> {
  const differences: number[] = []
  for (let i = 0; i < count; i++) {
    if (i % 2 === 0) differences.push((await took(gateway, one)) - (await took(gateway, other)))
    else {
      const second = await took(gateway, other)
      differences.push((await took(gateway, one)) - second)
    }
  }
  return median(differences)
}

/** Bytes, and the median in microseconds from which on something can be told: the MAC of a small body takes some three. */
const sizes = { small: { filler: 0, most: 2 }, 'of 200 KB': { filler: 200_000, most: 10 } } as const

for (const [size, { filler, most }] of Object.entries(sizes)) {
  test(`keys that are known, unknown, rotated and disabled cannot be told apart by time: bodies ${size}`, {
    timeout: 600_000,
  }, async (t) => {
    const gateway = await instanceFor(t, { limitFailures: 1_000_000_000, limitWaste: 1_000_000_000 })
    const disabled = await makeKey(gateway)
    await gateway.call('keys/update', { key: disabled.apiKey, enable: false })
    const rotated = await makeKey(gateway)
    await gateway.call('keys/rotate', { key: rotated.apiKey, grace: 86_400 })
    const wrong = (apiKey: string): Wire => {
      const text = JSON.stringify({
        cmd: 'ping',
        filler: 'x'.repeat(filler),
        api_key: apiKey,
        timestamp: gateway.seconds(),
      })
      return wireOf(text, { signature: mac('not the secret', text) })
    }
    const known = gateway.owner.apiKey
    const others = {
      unknown: `ck_${'x'.repeat(known.length - 3)}`,
      disabled: disabled.apiKey,
      rotated: rotated.apiKey,
      'known itself': known,
    }
    for (const key of [known, ...Object.values(others)]) assert.equal((await gateway.handle(wrong(key))).code, 1401)
    for (const [name, key] of Object.entries(others)) {
      await difference(gateway, wrong(known), wrong(key), 200)
      const seen: number[] = []
      // Bodies of their own for each try: where two large ones happen to lie makes one of them slower by some microseconds.
      do seen.push(await difference(gateway, wrong(known), wrong(key), pairs))
      while (Math.abs(seen.at(-1) ?? 0) >= most && seen.length < tries)
      t.diagnostic(`known and ${name}: ${seen.map((value) => value.toFixed(2)).join(', ')} µs`)
      assert.ok(Math.abs(seen.at(-1) ?? most) < most, `${name}: ${seen.join(', ')} µs`)
    }
  })
}
