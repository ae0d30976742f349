import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calendarOf } from '../../src/zone.js'

const at = (text: string) => Date.parse(text) / 1000

test('days begin with their first moment, where clocks are set forward or back, at midnight too', () => {
  const rows = [
    ['UTC', '2026-11-24', '2026-11-24T00:00Z', 24],
    ['Europe/Berlin', '2026-03-29', '2026-03-28T23:00Z', 23],
    ['Europe/Berlin', '2026-10-25', '2026-10-24T22:00Z', 25],
    ['Asia/Kathmandu', '2026-11-24', '2026-11-23T18:15Z', 24],
    ['America/St_Johns', '2026-11-24', '2026-11-24T03:30Z', 24],
    // 00:00 does not exist, and comes twice.
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00Z', 23],
    ['America/Sao_Paulo', '2018-02-17', '2018-02-17T02:00Z', 25],
    ['America/Sao_Paulo', '2018-02-18', '2018-02-18T03:00Z', 24],
    ['Australia/Lord_Howe', '2026-04-05', '2026-04-04T13:00Z', 24.5],
  ] as const
  for (const [zone, date, begins, hours] of rows) {
    const { dayNamed, dayOf, nextDay } = calendarOf(zone)
    const begin = at(begins)
    assert.equal(dayNamed(date), begin, `${zone} ${date}`)
    assert.equal((nextDay(begin) - begin) / 3_600, hours, `${zone} ${date}`)
    for (const moment of [begin, begin + 1, begin + 12 * 3_600, begin + hours * 3_600 - 1]) {
      assert.equal(dayOf(moment), begin, `${zone} ${date}`)
      assert.equal(nextDay(moment), begin + hours * 3_600, `${zone} ${date}`)
    }
    assert.notEqual(dayOf(begin - 1), begin)
  }
})

test('hours begin on the hour of the zone, and none of them lies in two days', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/St_Johns', 'America/Sao_Paulo']) {
    const { hourOf, dayOf } = calendarOf(zone)
    for (let moment = at('2018-10-20T00:00Z'); moment < at('2018-11-20T00:00Z'); moment += 900) {
      const hour = hourOf(moment)
      assert.ok(hour <= moment && moment - hour < 3_600)
      assert.equal(hourOf(hour), hour)
      assert.equal(dayOf(hour), dayOf(moment), `${zone} ${moment}`)
    }
  }
})

test('a day that is not in the calendar, or was left out at the date line, has no beginning', () => {
  assert.equal(calendarOf('UTC').dayNamed('2026-02-30'), undefined)
  assert.equal(calendarOf('UTC').dayNamed('2026-13-01'), undefined)
  const samoa = calendarOf('Pacific/Apia')
  assert.equal(samoa.dayNamed('2011-12-30'), undefined)
  assert.equal(samoa.nextDay(samoa.dayNamed('2011-12-29') ?? 0), samoa.dayNamed('2011-12-31'))
})
