import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { StorageError } from '../../src/store/db.js'
import { wrapped } from '../src/probes.js'
import { counts, entry, ledgerOn, migrated, put, puts } from './support.js'

/** What one submission does, and how the commit of its transaction goes. */
const submissions = fc.array(
  fc.record({
    identity: fc.integer({ min: 0, max: 5 }),
    does: fc.constantFrom('keep', 'refuse', 'throw', 'wait'),
    pause: fc.constantFrom('none', 'none', 'for answers', 'for filters'),
    commit: fc.constantFrom('well', 'well', 'well', 'before', 'after'),
  }),
  { maxLength: 25 },
)

test('whatever is submitted and however commits fail: each identity has one effect at most, and nobody is told otherwise', async (t) => {
  await fc.assert(
    fc.asyncProperty(submissions, fc.constantFrom(1, 2, undefined), async (steps, claimsPerPartition) => {
      const db = await migrated(t)
      let commit: string | undefined
      const ledger = ledgerOn(
        wrapped(db, {
          async transaction(work) {
            const goes = commit
            commit = undefined
            const failure = new StorageError('fault', 'the commit failed')
            const value = await db.transaction(async (session) => {
              const done = await work(session)
              if (goes === 'before') throw failure
              return done
            })
            if (goes === 'after') throw failure
            return value
          },
        }),
        claimsPerPartition,
      )
      const effects = new Map<number, string[]>()
      const told: Promise<void>[] = []
      for (const [index, { identity, does, pause, commit: goes }] of steps.entries()) {
        if (goes !== 'well') commit = goes
        const effect = `${identity}-${index}`
        const submitted = entry(
          `i${identity}`,
          async (queries) => {
            await put(effect)(queries)
            if (does === 'throw') throw new Error('no')
            if (does === 'wait') await new Promise((resolve) => setImmediate(resolve))
          },
          does === 'keep',
        )
        const note = (answer: string) => {
          effects.set(identity, [...(effects.get(identity) ?? []), `${answer} ${effect} ${does}`])
        }
        told.push(ledger.submit(submitted).then(note, () => undefined))
        if (pause !== 'none') await Promise.all(told)
        if (pause === 'for filters') await delay(5)
      }
      await Promise.all(told)
      await ledger.close()
      const rows = await puts(db)
      const tallies = await counts(db)
      assert.equal(tallies?.claims, tallies?.audit, 'every claim has its audit row')
      for (const [identity, answers] of effects) {
        const ran = answers.filter((answer) => answer.startsWith('ran'))
        const kept = rows.filter((row) => row.startsWith(`${identity}-`))
        assert.ok(ran.length <= 1, `ran twice: ${ran}`)
        assert.ok(kept.length <= 1, `two effects: ${kept}`)
        for (const answer of ran) {
          const [, effect = '', did] = answer.split(' ')
          assert.deepEqual(kept, did === 'keep' ? [effect] : [], 'what was acknowledged is what is there')
        }
      }
      await db.close()
    }),
    { numRuns: 120 },
  )
})
