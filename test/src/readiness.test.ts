import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readiness } from '../../src/readiness.js'
import { instanceFor } from '../support/commands.js'
import { listen } from '../support/listener.js'
import { openSocket } from '../support/raw.js'

test('however many ask at a time, one transaction tells all of them whether a write would succeed', async (t) => {
  const gateway = await instanceFor(t)
  const { db } = gateway
  const transaction = db.transaction.bind(db)
  let transactions = 0
  let most = 0
  let underWay = 0
  db.transaction = (async (...args: Parameters<typeof transaction>) => {
    transactions++
    most = Math.max(most, ++underWay)
    try {
      return await transaction(...args)
    } finally {
      underWay--
    }
  }) as typeof db.transaction
  const port = await listen(t, gateway, { ready: gateway.writable })
  // The last commit has been a second ago, so that a probe is needed.
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  const before = transactions
  const sockets = await Promise.all(Array.from({ length: 20 }, () => openSocket(port)))
  for (const raw of sockets) raw.write('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(30))
  for (const raw of sockets) for (let i = 0; i < 30; i++) assert.equal((await raw.reply()).status, 200)
  for (const raw of sockets) raw.close()
  assert.equal(most, 1)
  assert.ok(transactions - before <= 2, `${transactions - before} transactions`)
})

test('while the storage is stuck it is asked once, and everybody is told no within some seconds', {
  timeout: 20_000,
}, async () => {
  let asked = 0
  let answer: (ready: boolean) => void = () => undefined
  const ready = readiness(
    () => {
      asked++
      return new Promise((resolve) => {
        answer = resolve
      })
    },
    () => performance.now(),
  )
  assert.deepEqual(await Promise.all([ready(), ready(), ready()]), [false, false, false])
  const since = performance.now()
  assert.equal(await ready(), false)
  assert.ok(performance.now() - since < 500, 'who asks later does not wait again')
  assert.equal(asked, 1)
  answer(true)
  await new Promise((resolve) => setImmediate(resolve))
  const next = ready()
  answer(true)
  assert.deepEqual([await next, asked], [true, 2])
})

test('a probe that failed is not tried again at once for whoever asks', async () => {
  let asked = 0
  let now = 0
  const probe = async () => {
    asked++
    throw new Error('no disk')
  }
  const ready = readiness(probe, () => now)
  for (let i = 0; i < 10; i++) assert.equal(await ready(), false)
  assert.equal(asked, 1)
  now = 250
  assert.equal(await ready(), false)
  assert.equal(asked, 2)
})
