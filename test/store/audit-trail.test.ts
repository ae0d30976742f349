import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { chainMacOf } from '../../src/checkpoint.js'
import { Audit, chained, type Head, sqliteNode } from '../../src/store/audit.js'
import type { AuditRow } from '../../src/store/audit-chain.js'
import type { ChainHead, Checkpoint } from '../../src/store/audit-checkpoint.js'
import { AuditTrail } from '../../src/store/audit-trail.js'
import { OfflineTrail } from '../../src/store/offline-trail.js'
import { openSqlite } from '../../src/store/sqlite.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { elsewhere } from '../support/keys.js'
import { auditEntry } from './support.js'

const rows = 8

/** A gateway with a trail of eight rows, and the signed head that was kept elsewhere. */
async function trailOf(t: Parameters<typeof instanceFor>[0]) {
  const instance = await instanceFor(t)
  for (let n = 1; n <= rows; n++) await instance.run('set-user', { id: `user-${n}`, user: { type: 3 } })
  const trail = new AuditTrail(instance.db, chainMacOf(instance.vault))
  const checkpoint = trail.sign(await trail.heads(), instance.seconds())
  assert.deepEqual(
    checkpoint.heads.map(({ node, seq }) => [node, seq]),
    [[sqliteNode, rows]],
  )
  return { instance, trail, checkpoint }
}

const sql =
  (...statements: string[]) =>
  async (instance: CommandInstance) => {
    for (const statement of statements) assert.ok((await elsewhere(instance, statement)) > 0, statement)
  }

/** Works every hash out again, as whoever holds the database but not the master key can. */
const rehashed = (mac: (text: string) => string) => async (instance: CommandInstance) => {
  await elsewhere(instance, `update audit set principal = 'owner:another' where seq = 3`)
  let head: Head = { seq: 0, hash: '' }
  for (const row of await instance.db.all<AuditRow>('select * from audit order by seq')) {
    head = { seq: row.seq, hash: mac(chained(row.node, row.seq, row, head.hash)) }
    await elsewhere(instance, 'update audit set hash = $1 where seq = $2', [head.hash, head.seq])
  }
}

const tamperings: readonly (readonly [
  what: string,
  tamper: (instance: CommandInstance) => Promise<void>,
  seq: number,
  why: RegExp,
])[] = [
  ['a row was edited', sql(`update audit set target = 'user-1' where seq = 4`), 4, /row 4 is not as it was written/],
  ['a number became text', sql(`update audit set detail = 7 where seq = 4`), 4, /row 4 is not as it was written/],
  ['a hash was edited', sql(`update audit set hash = 'f' || hash where seq = 4`), 4, /row 4 is not as it was written/],
  ['a row was removed from the middle', sql('delete from audit where seq = 5'), 5, /row 5 is missing/],
  ['two rows were removed', sql('delete from audit where seq in (5, 6)'), 5, /rows 5 to 6 are missing/],
  ['the first row was removed', sql('delete from audit where seq = 1'), 1, /row 1 is missing, and no signed cut/],
  [
    'a row was removed and the others renumbered',
    sql(
      'delete from audit where seq = 3',
      'update audit set seq = -seq where seq > 3',
      'update audit set seq = -seq - 1 where seq < 0',
    ),
    3,
    /row 3 is not as it was written/,
  ],
  [
    'two rows were swapped',
    sql(
      'update audit set seq = 100 where seq = 2',
      'update audit set seq = 2 where seq = 3',
      'update audit set seq = 3 where seq = 100',
    ),
    2,
    /row 2 is not as it was written/,
  ],
  [
    'a row was added at the end',
    sql(
      `insert into audit select node, 9, at_ms, account, principal, key_id, address, dialect, command, target, code, dry_run, request_id, detail, hash from audit where seq = 8`,
    ),
    9,
    /row 9 is not as it was written/,
  ],
  [
    'all were rehashed without a key',
    rehashed((text) => createHash('sha256').update(text).digest('hex')),
    1,
    /row 1 is not as it was written/,
  ],
  [
    'all were rehashed with a key of the editor’s own',
    rehashed((text) => createHmac('sha256', 'a key').update(text).digest('hex')),
    1,
    /row 1 is not as it was written/,
  ],
  [
    'the first rows were removed, and a cut was written without the key',
    sql(
      `insert into meta select 'audit_cut:sqlite', json_object('seq', seq, 'hash', hash, 'at', 1, 'mac', hash) from audit where seq = 3`,
      'delete from audit where seq <= 3',
    ),
    3,
    /the record of the cut at row 3 was altered/,
  ],
]

for (const [what, tamper, seq, why] of tamperings) {
  test(`it is found that ${what}, with the row and the reason`, async (t) => {
    const { instance, trail } = await trailOf(t)
    assert.equal((await trail.verify()).broken, undefined)
    await tamper(instance)
    const { broken } = await trail.verify()
    assert.equal(broken?.seq, seq)
    assert.match(broken?.why ?? '', why)
  })
}

test('a tail that was cut off is found with a checkpoint kept elsewhere, and only so', async (t) => {
  const { instance, trail, checkpoint } = await trailOf(t)
  await elsewhere(instance, 'delete from audit where seq > 6')
  assert.equal((await trail.verify()).broken, undefined)
  const { broken } = await trail.verify([checkpoint])
  assert.equal(broken?.seq, 7)
  assert.match(broken?.why ?? '', /the trail ends at row 6, .* saw row 8: the tail was cut off/)
  assert.match((await trail.disagrees(checkpoint)) ?? '', /row 8.*is missing/)
})

test('rows that were written after a tail was cut off do not hide it', async (t) => {
  const { instance, trail, checkpoint } = await trailOf(t)
  await elsewhere(instance, 'delete from audit where seq > 6')
  for (let n = 1; n <= 4; n++) await instance.run('set-user', { id: `later-${n}`, user: { type: 3 } })
  assert.equal((await trail.verify()).broken, undefined)
  const { broken } = await trail.verify([checkpoint])
  assert.equal(broken?.seq, 8)
  assert.match(broken?.why ?? '', /not the one that the checkpoint/)
  assert.match((await trail.disagrees(checkpoint)) ?? '', /row 8 of chain sqlite is not the one/)
})

test('a trail that was emptied is found with a checkpoint', async (t) => {
  const { instance, trail, checkpoint } = await trailOf(t)
  await elsewhere(instance, 'delete from audit')
  assert.equal((await trail.verify()).broken, undefined)
  assert.equal((await trail.verify([checkpoint])).broken?.seq, 1)
})

test('a checkpoint holds while the trail goes on, and one that was altered is not believed', async (t) => {
  const { instance, trail, checkpoint } = await trailOf(t)
  await instance.run('set-user', { id: 'later', user: { type: 3 } })
  assert.equal((await trail.verify([checkpoint])).broken, undefined)
  const [head] = checkpoint.heads
  assert.ok(head)
  const altering = (change: Partial<ChainHead>) => ({ heads: [{ ...head, ...change }] })
  const altered: Partial<Checkpoint>[] = [
    altering({ seq: 7 }),
    altering({ hash: 'f'.repeat(64) }),
    altering({ node: 'other' }),
    { heads: [] },
    { heads: [head, head] },
    { at: 1 },
    { mac: '' },
  ]
  for (const change of altered) {
    const { broken } = await trail.verify([{ ...checkpoint, ...change }])
    assert.match(broken?.why ?? '', /not one that this instance signed/, JSON.stringify(change))
    assert.match((await trail.disagrees({ ...checkpoint, ...change })) ?? '', /not one that this instance signed/)
  }
})

/** The trail as the command line opens it, beside the gateway. */
function offline(t: Parameters<typeof instanceFor>[0], instance: CommandInstance): OfflineTrail {
  const db = openSqlite(join(instance.folder, 'countersign.db'))
  const trail = new OfflineTrail(db, chainMacOf(instance.vault), sqliteNode, (session) =>
    instance.vault.refresh(session),
  )
  t.after(() => trail.close())
  return trail
}

/** Removes the rows before row 6. */
async function cut(t: Parameters<typeof instanceFor>[0], instance: CommandInstance, keep = 3_600): Promise<number> {
  const now = instance.seconds()
  await elsewhere(
    instance,
    'insert into refusals values ($1, 1402, $2, 1, 1), ($1, 1402, $3, 1, 1) on conflict do nothing',
    ['ck_1', Math.floor((now - 86_400) / 60), Math.floor(now / 60)],
  )
  return offline(t, instance).cut({ before: now - keep, now, uid: 1000, code: 9121, onRows: () => undefined })
}

/** A gateway whose first five rows are from yesterday. */
async function oldTrail(t: Parameters<typeof instanceFor>[0]) {
  const instance = await instanceFor(t)
  instance.clock.offset = -86_400
  for (let n = 1; n <= 5; n++) await instance.run('set-user', { id: `user-${n}`, user: { type: 3 } })
  instance.clock.offset = 0
  for (let n = 6; n <= 8; n++) await instance.run('set-user', { id: `user-${n}`, user: { type: 3 } })
  const trail = new AuditTrail(instance.db, chainMacOf(instance.vault))
  const checkpoint = trail.sign(await trail.heads(), instance.seconds())
  return { instance, trail, checkpoint }
}

test('after a signed cut the trail holds from there, also for older checkpoints, and says who cut', async (t) => {
  const { instance, trail, checkpoint } = await oldTrail(t)
  assert.equal(await cut(t, instance), 5)
  await instance.run('set-user', { id: 'later', user: { type: 3 } })
  const { broken, rows: held } = await trail.verify([checkpoint])
  assert.deepEqual([broken, held], [undefined, 5])
  const [said] = await instance.db.all<AuditRow>(`select * from audit where command = 'audit/cut'`)
  assert.deepEqual([said?.seq, said?.principal, said?.detail], [9, 'local:1000', '{"after":{"removed_up_to":5}}'])
  assert.equal((await instance.db.all('select * from refusals')).length, 1)
  assert.equal(await cut(t, instance), 0)
})

const cutFaults: readonly (readonly [what: string, statement: string, seq: number, why: RegExp])[] = [
  ['moved forward', `update meta set value = json_set(value, '$.seq', 6)`, 6, /cut at row 6 was altered/],
  ['given another hash', `update meta set value = json_set(value, '$.hash', 'f')`, 5, /cut at row 5 was altered/],
  ['made unreadable', `update meta set value = 'nothing'`, 0, /was altered/],
  ['removed', 'delete from meta', 1, /rows 1 to 5 are missing, and no signed cut/],
]

for (const [what, statement, seq, why] of cutFaults) {
  test(`a cut that was ${what} is found`, async (t) => {
    const { instance, trail } = await oldTrail(t)
    await cut(t, instance)
    await elsewhere(instance, `${statement} where name = 'audit_cut:sqlite'`)
    const { broken } = await trail.verify()
    assert.equal(broken?.seq, seq)
    assert.match(broken?.why ?? '', why)
  })
}

test('rows that were removed beyond a signed cut are found', async (t) => {
  const { instance, trail } = await oldTrail(t)
  await cut(t, instance)
  await elsewhere(instance, 'delete from audit where seq = 6')
  assert.match((await trail.verify()).broken?.why ?? '', /row 6 is missing/)
})

test('a cut keeps the head, so that the chain goes on from it, whatever its age', async (t) => {
  const { instance, trail } = await oldTrail(t)
  assert.equal(await cut(t, instance, -60), 7)
  await instance.run('set-user', { id: 'later', user: { type: 3 } })
  const { broken, heads } = await trail.verify()
  assert.deepEqual([broken, heads.get(sqliteNode)?.seq], [undefined, 10])
})

test('a clock that is ten years ahead removes nothing that is young by the newest row', async (t) => {
  const { instance, trail } = await oldTrail(t)
  instance.clock.offset = 10 * 365 * 86_400
  assert.equal(await cut(t, instance), 5)
  assert.equal((await trail.verify()).broken, undefined)
})

test('a clock that was ten years ahead when rows were written at the command line removes nothing that is young by what clients signed', async (t) => {
  const { instance, trail } = await oldTrail(t)
  instance.clock.offset = 10 * 365 * 86_400
  const who = { account: 1, uid: 1000 }
  assert.equal((await instance.local('set-user', { id: 'by hand', user: { type: 3 } }, who)).done, true)
  assert.equal(await cut(t, instance), 5)
  assert.equal((await trail.verify()).broken, undefined)
})

test('a cut goes through a chain of any length, and through what was counted, in portions', async (t) => {
  const instance = await instanceFor(t)
  const mac = chainMacOf(instance.vault)
  const now = instance.seconds()
  const entry = auditEntry({ account: 1 })
  await instance.db.transaction(async (session) => {
    const audit = new Audit(session)
    const old = Array.from({ length: 45_000 }, () => ({ ...entry, at_ms: (now - 86_400) * 1000 }))
    await audit.appendAll(sqliteNode, [...old, { ...entry, at_ms: now * 1000 }], await audit.head(sqliteNode), mac)
    for (let n = 0; n < 2_500; n++) {
      await session.run('insert into refusals values ($1, 1402, $2, 1, 1)', [
        `ck_${n}`,
        Math.floor((now - 90_000) / 60),
      ])
    }
  })
  assert.equal(await cut(t, instance), 45_000)
  assert.equal((await new AuditTrail(instance.db, mac).verify()).broken, undefined)
  assert.equal((await instance.db.all('select * from refusals')).length, 1)
})

test('a clock that was wrong for a while makes a cut keep more rows, never fewer', async (t) => {
  const instance = await instanceFor(t)
  for (const [n, offset] of [-86_400, 0, -86_400, 0].entries()) {
    instance.clock.offset = offset
    await instance.run('set-user', { id: `user-${n}`, user: { type: 3 } })
  }
  assert.equal(await cut(t, instance), 1)
})
