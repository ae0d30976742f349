import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Promises } from '../../src/store/promises.js'
import { counted, counter, instanceFor, sent, signed } from './probes.js'

const day = 86_400

test('a gateway with a smaller COUNTERSIGN_KEEP on the same database forgets nothing that another has promised, until that has run out', async (t) => {
  const command = counter().command
  const patient = await instanceFor(t, { extra: [command], keep: day })
  const hasty = await instanceFor(t, { extra: [command], keep: 660, folder: patient.folder })
  const both = (offset: number) => {
    patient.clock.offset = hasty.clock.offset = offset
  }
  await patient.forget()
  const body = { idempotencyKey: 'job-81-step-3', by: patient.owner }
  assert.equal((await hasty.call('count', { id: 'n' }, body)).code, 10001)
  for (const offset of [700, 3_600, day - 30]) {
    both(offset)
    await hasty.call('ping', {}, { by: patient.owner })
    assert.equal(await hasty.forget(), 0, String(offset))
    const again = await hasty.call('count', { id: 'n' }, body)
    assert.deepEqual([again.code, again.replayed], [10001, true])
  }
  // The last use of the longer promise was at the start: it has run out, and the last resend is out of every window.
  both(day + 700)
  await hasty.call('ping', {}, { by: patient.owner })
  assert.ok((await hasty.forget()) > 0)
  assert.equal(await counted(hasty.db, 'n'), 1)
})

test('a smaller COUNTERSIGN_WINDOW beside a larger one forgets no claim of a message that the other still takes', async (t) => {
  const command = counter().command
  const wide = await instanceFor(t, { extra: [command], keep: 3_600, window: 3_600 })
  const narrow = await instanceFor(t, { extra: [command], keep: 60, window: 30, folder: wide.folder })
  await wide.forget()
  const body = signed(wide, 'count', { id: 'n' }, { timestamp: wide.seconds() + 3_500 })
  assert.equal((await sent(wide, body)).code, 10001)
  for (const offset of [200, 3_500, 6_900]) {
    wide.clock.offset = narrow.clock.offset = offset
    await narrow.call('ping', {}, { by: wide.owner })
    assert.equal(await narrow.forget(), 0)
    assert.equal((await sent(wide, body)).code, 1409)
  }
})

test('the largest value holds until its time has passed since its last use; a use in the future was noted by a wrong clock, and holds', async (t) => {
  const { db } = await instanceFor(t)
  const values = { keep: 100, window: 10, samples: 100, minutes: 100, hours: 100, days: 100 }
  await db.transaction(async (session) => {
    await new Promises(session).use({ ...values, keep: 5_000, window: 900 }, 1_000)
    await new Promises(session).use(values, 1_001)
  })
  const promises = new Promises(db)
  const keepAt = async (now: number) => (await promises.inForce(values, now)).keep
  assert.deepEqual(
    [await keepAt(0), await keepAt(1_000), await keepAt(6_000), await keepAt(6_001)],
    [5_000, 5_000, 5_000, 100],
  )
  const windowAt = async (now: number) => (await promises.inForce(values, now)).window
  assert.deepEqual([await windowAt(2_800), await windowAt(2_801)], [900, 10])
  assert.deepEqual(
    [await promises.largest('window'), (await promises.inForce({ ...values, keep: 9_999 }, 1_000)).keep],
    [900, 9_999],
  )
})
