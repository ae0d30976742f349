import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { dialects } from '../../dialects/index.js'
import { readEnv, toConfig } from '../../src/config.js'
import { initialise, openData, openMade } from '../../src/data.js'
import { isEmpty, isForeign, isInitialised, pendingFile } from '../../src/folder.js'
import { root } from '../support/instance.js'
import { sqliteOnly } from '../support/postgres.js'
import { removeFolder, temporaryFolder } from '../support/server.js'

const around = {
  now: Date.now,
  randomBytes,
  randomName: () => 'name',
  migrations: join(root, 'migrations'),
  logger: pino({ level: 'silent' }),
}

test('of processes that initialise a folder at once, the mark of one turns no other away', sqliteOnly, async (t) => {
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  const data = join(folder, 'data')
  const config = toConfig(
    readEnv({ COUNTERSIGN_DATA: data }),
    dialects.map(({ name }) => name),
  )
  assert.equal(isEmpty(config), true)
  mkdirSync(data)
  assert.equal(isEmpty(config), true)
  // The first thing that another process makes.
  writeFileSync(pendingFile(data), '')
  assert.deepEqual([isEmpty(config), isInitialised(config)], [true, false])
  const made = await initialise(config, 1, around)
  assert.deepEqual([isEmpty(config), isInitialised(config), isForeign(config)], [false, true, false])
  // One that looked before that, and goes to work now.
  writeFileSync(pendingFile(data), '')
  assert.deepEqual([isEmpty(config), isInitialised(config)], [true, false])
  await assert.rejects(openData(config, around), /holds no Countersign data/)
  const opened = await openMade(config, around)
  await opened.db.close()
  assert.deepEqual(await initialise(config, 1, around), made)
  assert.equal(isInitialised(config), true)
  rmSync(join(data, 'countersign.db'))
  assert.equal(isForeign(config), true)
})
