import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Db, type Session, StorageError } from '../../src/store/db.js'

/** What the port `Db` promises, run against one engine. `open` gives an empty database that goes with the test. */
export function contract(name: string, open: (t: TestContext) => Promise<Db> | Db): void {
  const it = (guarantee: string, body: (db: Db, t: TestContext) => Promise<void>) =>
    test(`${name}: ${guarantee}`, async (t) => {
      const db = await open(t)
      await db.transaction(async (session) => {
        await session.run('create table things (id text not null primary key, amount bigint, note text)')
        await session.run('create table parts (id text not null references things (id))')
      })
      await body(db, t)
    })
  const insert = (session: Session, id: string, amount: number | null = null, note: string | null = null) =>
    session.run('insert into things (id, amount, note) values ($1, $2, $3)', [id, amount, note])
  const ids = async (db: Pick<Db, 'all'>) =>
    (await db.all<{ id: string }>('select id from things order by id')).map(({ id }) => id)

  it('a placeholder may be used more than once, and in any order', async (db) => {
    await db.transaction((session) => insert(session, 'a', 1, 'a'))
    const row = await db.get(
      'select cast($2 as text) as second, cast($1 as text) as first from things where id = $1 and note = $1',
      ['a', 'b'],
    )
    assert.deepEqual({ ...row }, { second: 'b', first: 'a' })
  })

  it('null is stored, read and compared as null', async (db) => {
    await db.transaction((session) => insert(session, 'a', null, null))
    assert.deepEqual({ ...(await db.get('select amount, note from things')) }, { amount: null, note: null })
    const where = 'select id from things where cast($1 as text) is null or note = $1'
    assert.equal((await db.all(where, [null])).length, 1)
    assert.equal((await db.all(where, ['x'])).length, 0)
  })

  it('whole numbers come back as they were up to 2^53 − 1, and text that looks like one stays text', async (db) => {
    const numbers = [0, 1, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 51, 2 ** 53 - 1, -(2 ** 53) + 1]
    await db.transaction(async (session) => {
      for (const [index, number] of numbers.entries()) await insert(session, `n${index}`, number, '007')
    })
    const rows = await db.all<{ amount: number; note: string }>('select amount, note from things order by id')
    assert.deepEqual(
      rows.map(({ amount }) => amount),
      numbers,
    )
    assert.deepEqual([...new Set(rows.map(({ note }) => note))], ['007'])
    const found = await db.get<{ id: string }>('select id from things where amount = $1', [2 ** 53 - 1])
    assert.equal(found?.id, 'n6')
    const sum = await db.get<{ sum: number }>('select amount + 1 as sum from things where id = $1', ['n5'])
    assert.equal(sum?.sum, 2 ** 51 + 1)
  })

  it('limit and offset take placeholders', async (db) => {
    await db.transaction(async (session) => {
      for (const id of ['a', 'b', 'c']) await insert(session, id)
    })
    assert.deepEqual(await db.all('select id from things order by id limit $1 offset $2', [1, 1]), [{ id: 'b' }])
  })

  it('text keeps every character, quotes and beyond the BMP included', async (db) => {
    const note = `'"\\ $1 ; -- \u00e9 \u{1f511} \n\t`
    await db.transaction((session) => insert(session, 'a', null, note))
    assert.equal((await db.get<{ note: string }>('select note from things where note = $1', [note]))?.note, note)
  })

  it('run answers how many rows changed, get undefined for none, and returning gives the changed row', async (db) => {
    await db.transaction(async (session) => {
      for (const id of ['a', 'b']) await insert(session, id, 1)
      assert.equal(await session.run('update things set amount = 2'), 2)
      assert.equal(await session.run(`update things set amount = 2 where id = 'c'`), 0)
      assert.equal(await session.get(`select id from things where id = 'c'`), undefined)
      const row = await session.get('update things set amount = amount + $1 where id = $2 returning id, amount', [
        5,
        'a',
      ])
      assert.deepEqual({ ...row }, { id: 'a', amount: 7 })
      assert.equal(await session.run(`delete from things where id = 'b'`), 1)
    })
  })

  it('on conflict: nothing changes nothing and counts 0; update changes', async (db) => {
    await db.transaction(async (session) => {
      await insert(session, 'a', 1)
      const again = `insert into things (id, amount) values ('a', 2) on conflict`
      assert.equal(await session.run(`${again} do nothing`), 0)
      const row = await session.get(
        `${again} (id) do update set amount = things.amount + excluded.amount returning amount`,
      )
      assert.deepEqual({ ...row }, { amount: 3 })
    })
  })

  it('a broken constraint is the caller’s mistake, not a fault of the storage, and the rest can be kept', async (db) => {
    await db.transaction(async (session) => {
      await insert(session, 'a')
      await session.savepoint()
      const notStorage = (error: unknown) => error instanceof Error && !(error instanceof StorageError)
      await assert.rejects(insert(session, 'a'), notStorage)
      await session.undo()
      await session.savepoint()
      await assert.rejects(session.run(`insert into parts values ('nobody')`), notStorage)
      await session.undo()
      assert.deepEqual([session.open, session.fault], [true, undefined])
    })
    assert.deepEqual(await ids(db), ['a'])
  })

  it('a transaction that ends is kept, its value given; one that throws is gone, its error given', async (db) => {
    const value = await db.transaction(async (session) => {
      await insert(session, 'a')
      return 7
    })
    const error = new Error('no')
    const failing = db.transaction(async (session) => {
      await insert(session, 'b')
      throw error
    })
    await assert.rejects(failing, (thrown) => thrown === error)
    assert.deepEqual([value, await ids(db)], [7, ['a']])
  })

  it('undo takes back what was done since the savepoint, keep keeps it, and both end it', async (db) => {
    await db.transaction(async (session) => {
      await insert(session, 'before')
      await session.savepoint()
      await insert(session, 'undone')
      await session.undo()
      await session.savepoint()
      await insert(session, 'kept')
      await session.keep()
      await insert(session, 'after')
    })
    assert.deepEqual(await ids(db), ['after', 'before', 'kept'])
  })

  it('undo without a savepoint is a fault: nothing of the transaction is kept even if its caller goes on', async (db) => {
    const going = db.transaction(async (session) => {
      await insert(session, 'a')
      await session.undo().catch(() => undefined)
      assert.equal(session.fault?.kind, 'fault')
    })
    await assert.rejects(going, StorageError)
    assert.deepEqual(await ids(db), [])
  })

  it('the database’s own queries see what is committed, and nothing before', async (db) => {
    await db.transaction(async (session) => {
      await insert(session, 'a')
      assert.deepEqual([await ids(session), await ids(db)], [['a'], []])
    })
    assert.deepEqual(await ids(db), ['a'])
  })

  it('the database’s own queries only read', async (db) => {
    const mistake = (error: unknown) => error instanceof Error && !(error instanceof StorageError)
    await assert.rejects(db.run(`insert into things (id) values ('a')`), mistake)
    await assert.rejects(db.get(`insert into things (id) values ('a') returning id`), mistake)
    await assert.rejects(db.all(`insert into things (id) values ('a') returning id`), mistake)
    assert.deepEqual(await ids(db), [])
  })

  it('transactions at once do not disturb one another: each is kept or gone as a whole', async (db) => {
    const writing = (id: string) =>
      db.transaction(async (session) => {
        await insert(session, `${id}1`)
        await session.all('select id from things')
        await insert(session, `${id}2`)
      })
    const failing = db.transaction(async (session) => {
      await insert(session, 'x')
      throw new Error('no')
    })
    await Promise.all([writing('a'), assert.rejects(failing, /no/), writing('b'), writing('c')])
    assert.deepEqual(await ids(db), ['a1', 'a2', 'b1', 'b2', 'c1', 'c2'])
  })

  it('its own changes are not changes of another process', async (db) => {
    db.changedElsewhere()
    await db.transaction((session) => insert(session, 'a'))
    await ids(db)
    assert.equal(db.changedElsewhere(), false)
  })

  it('works on after a repair, with what was committed', async (db) => {
    await db.transaction((session) => insert(session, 'a'))
    await db.repair()
    await db.transaction((session) => insert(session, 'b'))
    assert.deepEqual(await ids(db), ['a', 'b'])
  })

  it('closed, it refuses everything, and is not opened again by a repair', async (db) => {
    await db.close()
    await assert.rejects(ids(db), StorageError)
    await assert.rejects(
      db.transaction(async () => undefined),
      StorageError,
    )
    await assert.rejects(db.repair(), StorageError)
  })
}
