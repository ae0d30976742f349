import assert from 'node:assert/strict'
import { copyFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { Checkpoints } from '../../src/store/sqlite-checkpoints.js'
import { removeFolder, temporaryFolder } from '../support/server.js'
import { databaseFile, open } from './support.js'

/** Sixteen MiB, so that it comes soon. */
const logPages = 4_000
const table = 'create table things (id text not null primary key, note text)'
const mebibyte = 1024 * 1024

test('under steady writes the log is written back into the file and begun anew, and nothing is missing in it', async (t) => {
  const file = databaseFile(t)
  const db = open(t, file, { logPages })
  await db.transaction((session) => session.run(table))
  const transactions = 800
  let largest = 0
  for (let n = 0; n < transactions; n++) {
    await db.transaction(async (session) => {
      for (let k = 0; k < 50; k++)
        await session.run('insert into things values ($1, $2)', [`${Math.random()}`, 'x'.repeat(500)])
    })
    largest = Math.max(largest, statSync(`${file}-wal`).size)
    await new Promise((resolve) => setImmediate(resolve))
  }
  // The writer itself would let it grow to four times as much, and all of these take more.
  assert.ok(largest < 56 * mebibyte, `the log grew to ${largest} bytes`)
  // What the file holds without its log: most of it was written back while the database is in use.
  const copy = `${file}.copy`
  copyFileSync(file, copy)
  const copied = new Database(copy, { readonly: true })
  assert.ok(Number(copied.pragma('page_count', { simple: true })) > 1_000)
  copied.close()
  await db.close()
  const closed = new Database(file, { readonly: true })
  assert.equal(closed.prepare('select count(*) from things').pluck().get(), transactions * 50)
  assert.equal(closed.pragma('integrity_check', { simple: true }), 'ok')
  closed.close()
})

test('a database is repaired, and closed, while the log is being written back', async (t) => {
  const db = open(t, databaseFile(t), { logPages })
  await db.transaction((session) => session.run(table))
  const write = async (count: number) => {
    for (let n = 0; n < count; n++)
      await db.transaction((session) => session.run('insert into things values ($1, $2)', [`${Math.random()}`, 'x']))
  }
  await write(600)
  await db.repair()
  await write(600)
  await db.close()
})

/** Checkpoints whose thread runs a program that a test gives; what the writer was asked for, in order. */
function withThread(program: string) {
  const folder = temporaryFolder()
  const file = join(folder, 'thread.mjs')
  writeFileSync(file, program)
  const asked: string[] = []
  let tell: () => void = () => undefined
  const next = () => new Promise<void>((resolve) => (tell = resolve))
  const note = (what: string) => {
    asked.push(what)
    tell()
  }
  const checkpoints = new Checkpoints({
    file: 'no file',
    pagesBetween: logPages,
    finish: async () => note('finish'),
    onLost: () => note('lost'),
    program: pathToFileURL(file),
  })
  return { checkpoints, asked, next, remove: () => removeFolder(folder) }
}

const muchWritten = 6_000

test('where the thread is lost, the writer is told to do it alone, once', async (t) => {
  const { checkpoints, asked, next, remove } = withThread(`throw new Error('no memory')`)
  t.after(remove)
  const told = next()
  checkpoints.committed(muchWritten)
  const alive = setInterval(() => undefined, 1_000)
  await told
  clearInterval(alive)
  for (let n = 0; n < 3; n++) checkpoints.committed(muchWritten)
  await checkpoints.stop()
  assert.deepEqual(asked, ['lost'])
})

test('what is written during a pass is copied in a further one, and the writer copies what is left', async (t) => {
  const { checkpoints, asked, next, remove } = withThread(`
    import { parentPort, workerData } from 'node:worker_threads'
    parentPort.on('message', (what) => (what === 'close' ? parentPort.close() : parentPort.postMessage('passed')))
  `)
  t.after(remove)
  const told = next()
  // Less than a pass is worth: nothing is begun.
  checkpoints.committed(100)
  checkpoints.committed(muchWritten)
  checkpoints.committed(muchWritten)
  const alive = setInterval(() => undefined, 1_000)
  await told
  clearInterval(alive)
  assert.deepEqual(asked, ['finish'])
  await checkpoints.stop()
})
