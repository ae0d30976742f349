import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Published } from '../../src/command.js'
import { readEnv, toConfig } from '../../src/config.js'
import { move } from '../../src/move.js'
import { copyDatabase } from '../../src/store/copies.js'
import { Records } from '../../src/store/records.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { root } from '../support/instance.js'
import { withLongNames } from '../support/long-names.js'
import { emptyDatabase, noPostgres, onPostgres } from '../support/postgres.js'
import { removeFolder, temporaryFolder } from '../support/server.js'

/** What examples leave out, of the texts that name something. */
const further: Readonly<Record<string, (params: Params) => Params>> = {
  'sevu.addstreamuser': (params) => ({ ...params, user: 'somebody', save_folder: 'folder', ga_key: 'key' }),
  'sevu.removestreamuser': (params) => ({ ...params, user: 'somebody' }),
  'servers/set': (params) => ({ ...params, host: 'host' }),
  'set-user': (params) => ({ ...params, user: { ...Object(params.user), comment: 'c', token: 't', ip: 'i' } }),
  'stats/report': ({ samples, ...params }) => ({
    ...params,
    samples: (Array.isArray(samples) ? samples : []).map((sample) => ({
      ...sample,
      time: Math.floor(Date.now() / 1000) - 5,
      id: 'worker',
      viewers: ['viewer'],
    })),
  }),
}

type Params = Readonly<Record<string, unknown>>

/** The commands that make something, in an order in which each finds what it needs. */
const makers = [
  ...[
    'accounts/create',
    'set-user',
    'subowners/create',
    'keys/create',
    'keys/import',
    'sevu.addstreamuser',
    'sevu.request',
  ],
  ...['servers/set', 'slices/set', 'slices/assign', 'stats/report', 'device-passwords/create', 'access-tokens/create'],
]

/** Calls a command as its example does, with the longest names that its schema takes; its code. */
async function callLong(gateway: CommandInstance, { name, params, example }: Published): Promise<number> {
  const given = further[name]?.(example?.params as Params) ?? example?.params ?? {}
  return (await gateway.run(name, Object(withLongNames(given, params)))).code
}

test('every command takes the longest names that its schema allows, and a database with them moves to PostgreSQL', async (t) => {
  const gateway = await instanceFor(t)
  const catalogue = new Map(gateway.catalogue.map((published) => [published.name, published]))
  const callNamed = (name: string) => {
    const published = catalogue.get(name)
    assert.ok(published, name)
    return callLong(gateway, published)
  }
  const refused: (readonly [name: string, code: number])[] = []
  for (const name of [...makers, ...catalogue.keys()]) {
    const code = await callNamed(name)
    if (code >= 1400 && code < 1600) refused.push([name, code])
  }
  assert.deepEqual(refused, [])
  // What the others removed is made again, so that there is something of everything.
  const remade = ['set-user', 'sevu.addstreamuser', 'servers/set', 'slices/set', 'slices/assign', 'stats/report']
  for (const name of remade) assert.equal((await callNamed(name)) % 2, 1, name)
  const widest = await gateway.db.get<{ length: number }>(
    'select max(length(app) + length(stream) + length(publisher)) as length from stream_users',
  )
  assert.equal(widest?.length, 3 * 255)
  if (!onPostgres && !noPostgres) await moveCopy(t, gateway)
})

async function moveCopy(t: TestContext, gateway: CommandInstance): Promise<void> {
  const folder = temporaryFolder()
  const { url, drop } = await emptyDatabase()
  t.after(async () => {
    removeFolder(folder)
    await drop()
  })
  copyDatabase(join(gateway.folder, 'countersign.db'), join(folder, 'countersign.db'))
  cpSync(join(gateway.folder, 'master.key'), join(folder, 'master.key'))
  const config = toConfig(readEnv({ COUNTERSIGN_DATA: folder }), ['native', 'scaleengine', 'uplynk'])
  const around = { now: Date.now, randomBytes, migrations: join(root, 'migrations') }
  const from = `sqlite:${join(folder, 'countersign.db')}`
  const { rows } = await move(config, around, { from, to: url, onRows: () => undefined })
  assert.ok(rows > 100, String(rows))
}

test('a record whose kind and id are longer than every engine takes is refused, and one of 2,000 bytes is kept', async (t) => {
  const gateway = await instanceFor(t)
  await gateway.db.transaction(async (session) => {
    const records = new Records(session, 1)
    const id = randomBytes(998).toString('hex')
    await records.set('kind', id, 'kept')
    assert.equal(await records.get('kind', id), 'kept')
    await assert.rejects(records.set('kind', `${id}x`, 1), /2001 bytes; 2000 are taken/)
    await assert.rejects(records.add('kind', `${id}x`, 1), RangeError)
  })
})
