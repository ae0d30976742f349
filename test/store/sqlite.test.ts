import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { type Db, StorageError } from '../../src/store/db.js'
import { openSqlite } from '../../src/store/sqlite.js'
import { root } from '../support/instance.js'
import { contract } from './contract.js'
import { databaseFile, open } from './support.js'

contract('SQLite', (t) => open(t))

const kind = (wanted: string) => (error: unknown) => error instanceof StorageError && error.kind === wanted
const table = 'create table things (id text not null primary key)'
const insert = (id: string) => `insert into things values ('${id}')`

test('synchronous is FULL on both connections before and after the first write, and after a repair', async (t) => {
  const connections: Database.Database[] = []
  const db = open(t, databaseFile(t), { configure: (connection) => connections.push(connection) })
  const levels = () => connections.slice(-2).map((connection) => connection.pragma('synchronous', { simple: true }))
  assert.deepEqual(levels(), [2, 2])
  await db.transaction((session) => session.run(table))
  assert.deepEqual([levels(), connections[0]?.pragma('journal_mode', { simple: true })], [[2, 2], 'wal'])
  await db.repair()
  await db.transaction((session) => session.run(insert('a')))
  assert.deepEqual([connections.length, levels()], [4, [2, 2]])
})

test('a connection that would write without FULL is a fault after its first write', async (t) => {
  const configure = (connection: Database.Database) => void connection.pragma('synchronous = normal')
  const db = open(t, databaseFile(t), { configure })
  await assert.rejects(
    db.transaction((session) => session.run(table)),
    kind('fault'),
  )
})

test('a change by another process is told once; a change of its own is not', async (t) => {
  const file = databaseFile(t)
  const [one, two] = [open(t, file), open(t, file)]
  await one.transaction((session) => session.run(table))
  assert.deepEqual([two.changedElsewhere(), two.changedElsewhere()], [true, false])
  await two.transaction((session) => session.run(insert('a')))
  assert.deepEqual([one.changedElsewhere(), two.changedElsewhere(), one.changedElsewhere()], [true, false, false])
})

test('within one turn of the event loop a read sees what was committed here, and elsewhere once that was told', async (t) => {
  const file = databaseFile(t)
  const [one, two] = [open(t, file), open(t, file)]
  await one.transaction((session) => session.run(table))
  const ids = async (db: Db) => (await db.all<{ id: string }>('select id from things order by id')).map(({ id }) => id)
  let turned = false
  assert.equal(two.changedElsewhere(), true)
  setImmediate(() => {
    turned = true
  })
  assert.deepEqual([await ids(one), await ids(two)], [[], []])
  await one.transaction((session) => session.run(insert('a')))
  assert.deepEqual(await ids(one), ['a'])
  assert.equal(two.changedElsewhere(), true)
  assert.deepEqual([await ids(two), turned], [['a'], false])
})

test('whoever reads on and on, without a turn of the event loop, holds no old state', async (t) => {
  const file = databaseFile(t)
  const [writer, reader] = [open(t, file), open(t, file)]
  await writer.transaction((session) => session.run(table))
  for (let n = 0; n < 300; n++) {
    if (n === 10) await writer.transaction((session) => session.run(insert('a')))
    await reader.get('select id from things')
  }
  assert.deepEqual(await reader.all('select id from things'), [{ id: 'a' }])
})

test('two databases on one file write in turn: neither loses what the other wrote', async (t) => {
  const file = databaseFile(t)
  const [one, two] = [open(t, file), open(t, file)]
  await one.transaction((session) => session.run(table))
  const writes = Array.from({ length: 40 }, (_, index) =>
    (index % 2 ? one : two).transaction(async (session) => {
      await new Promise((resolve) => setImmediate(resolve))
      await session.run(insert(String(index)))
    }),
  )
  await Promise.all(writes)
  assert.equal((await one.all('select id from things')).length, 40)
})

test('transactions at once wait for one another, in the order in which they were asked for', async (t) => {
  const db = open(t)
  const order: string[] = []
  const turn = (id: string) =>
    db.transaction(async (session) => {
      order.push(`${id} begins`)
      await session.all('select 1')
      await new Promise((resolve) => setImmediate(resolve))
      order.push(`${id} ends`)
    })
  await Promise.all([turn('a'), turn('b'), turn('c')])
  assert.deepEqual(
    order,
    ['a', 'b', 'c'].flatMap((id) => [`${id} begins`, `${id} ends`]),
  )
})

test('when another process keeps the lock beyond the patience, the error is busy and nothing was done', async (t) => {
  const file = databaseFile(t)
  const db = open(t, file, { patience: 60 })
  await db.transaction((session) => session.run(table))
  const other = new Database(file)
  t.after(() => other.close())
  other.exec('begin immediate')
  let ran = false
  const waiting = db.transaction(async () => {
    ran = true
  })
  await assert.rejects(waiting, kind('busy'))
  other.exec('rollback')
  await db.transaction((session) => session.run(insert('a')))
  assert.equal(ran, false)
})

test('waiting for another process’s lock leaves the event loop free', async (t) => {
  const file = databaseFile(t)
  const db = open(t, file)
  await db.transaction((session) => session.run(table))
  const other = new Database(file)
  t.after(() => other.close())
  other.exec('begin immediate')
  const writing = db.transaction((session) => session.run(insert('a')))
  // Only a free event loop gets here.
  for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setTimeout(resolve, 1))
  other.exec('commit')
  await writing
})

test('out of space: rolled back as a whole, said as full, and it works again when there is space', async (t) => {
  const connections: Database.Database[] = []
  const db = open(t, databaseFile(t), { configure: (connection) => connections.push(connection) })
  const [writer] = connections
  await db.transaction((session) => session.run(table))
  writer?.pragma('max_page_count = 4')
  const filling = db.transaction(async (session) => {
    await session.run(insert('small'))
    await session.run(`insert into things values ('${'x'.repeat(50_000)}')`).catch(() => undefined)
    assert.equal(session.fault?.kind, 'full')
  })
  await assert.rejects(filling, kind('full'))
  assert.deepEqual(await db.all('select id from things'), [])
  writer?.pragma('max_page_count = 1000')
  await db.transaction((session) => session.run(insert('small')))
  assert.deepEqual(await db.all('select id from things'), [{ id: 'small' }])
})

test('a transaction that somebody left open on the connection is a fault, not an error of the next command', async (t) => {
  const connections: Database.Database[] = []
  const db = open(t, databaseFile(t), { configure: (connection) => connections.push(connection) })
  await db.transaction((session) => session.run(table))
  connections[0]?.exec('begin')
  await assert.rejects(
    db.transaction((session) => session.run(insert('a'))),
    kind('fault'),
  )
  await db.repair()
  await db.transaction((session) => session.run(insert('a')))
})

test('while a repair has failed everything says fault; the next repair that succeeds mends it', async (t) => {
  let broken = false
  const configure = () => {
    if (broken) throw new Error('the disk is gone')
  }
  const db = open(t, databaseFile(t), { configure })
  await db.transaction((session) => session.run(table))
  broken = true
  await assert.rejects(db.repair(), /the disk is gone/)
  await assert.rejects(db.all('select id from things'), kind('fault'))
  await assert.rejects(
    db.transaction((session) => session.run(insert('a'))),
    kind('fault'),
  )
  assert.throws(() => db.changedElsewhere(), kind('fault'))
  broken = false
  await db.repair()
  await db.transaction((session) => session.run(insert('a')))
  assert.deepEqual(await db.all('select id from things'), [{ id: 'a' }])
})

test('a repair empties the log into the file, and says busy while another process reads from it', async (t) => {
  const file = databaseFile(t)
  const db = open(t, file)
  await db.transaction((session) => session.run(table))
  const other = new Database(file)
  t.after(() => other.close())
  const reading = other.prepare('select * from sqlite_master').iterate()
  reading.next()
  await db.transaction((session) => session.run(insert('a')))
  await assert.rejects(db.repair(), kind('busy'))
  reading.return?.()
  await db.repair()
  assert.equal(statSync(`${file}-wal`).size, 0)
})

for (const [what, spoil] of [
  [
    'is not a database',
    (file: string) => writeFileSync(file, 'not a database at all, though long enough to be read '.repeat(100)),
  ],
  ['was cut short', (file: string) => truncateSync(file, 4_096)],
] as const) {
  test(`a file that ${what} is refused, not written over`, async (t) => {
    const file = databaseFile(t)
    const db = openSqlite(file)
    await db.transaction(async (session) => {
      await session.run(table)
      for (let i = 0; i < 200; i++) await session.run(insert(`${i}-${'x'.repeat(500)}`))
    })
    await db.close()
    spoil(file)
    const { size } = statSync(file)
    const using = async () => {
      const spoilt = openSqlite(file)
      try {
        await spoilt.all('select * from things')
      } finally {
        await spoilt.close()
      }
    }
    await assert.rejects(using)
    assert.equal(statSync(file).size, size)
  })
}

test('opening waits while another process closes the file', async (t) => {
  const file = databaseFile(t)
  const first = openSqlite(file)
  await first.transaction((session) => session.run(table))
  await first.close()
  const script = `
    import Database from 'better-sqlite3'
    const db = new Database(process.argv[1])
    db.pragma('locking_mode = exclusive')
    db.exec('begin exclusive')
    process.stdout.write('locked')
    setTimeout(() => { db.exec('commit'); db.close() }, 300)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, file], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  const db = open(t, file)
  assert.deepEqual(await db.all('select id from things'), [])
  await once(child, 'exit')
})
