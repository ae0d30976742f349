import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { nanoid } from 'nanoid'
import { pino } from 'pino'
import { commands } from '../../commands/index.js'
import { dialects } from '../../dialects/index.js'
import { native } from '../../dialects/native.js'
import { headFile } from '../../src/checkpoint.js'
import { readEnv, toConfig } from '../../src/config.js'
import { initialise, openMade } from '../../src/data.js'
import { isInitialised } from '../../src/folder.js'
import { type Instance, openInstance } from '../../src/instance.js'
import { counter } from '../src/probes.js'
import type { Asked } from './clocked.js'
import { root, wireOf } from './instance.js'

/** A gateway in a process of its own, without HTTP: its settings are those of the environment, its clock is set by its parent. */
const clock = { offset: Number(process.argv[2]) }
const around = {
  now: () => Date.now() + clock.offset * 1000,
  elapsed: () => performance.now() + clock.offset * 1000,
  randomBytes,
  randomName: nanoid,
  migrations: join(root, 'migrations'),
  logger: pino({ level: 'warn' }, pino.destination(2)),
}

async function opened(): Promise<Instance> {
  const names = dialects.map(({ name }) => name)
  const config = toConfig(readEnv(process.env), names)
  if (!isInitialised(config)) await initialise(config, 1, around)
  const data = await openMade(config, around)
  // The server's clock goes with the one that is set.
  if (config.databaseUrl) Object.assign(data.db, { serverClock: async () => around.now() })
  return openInstance({
    ...config,
    ...around,
    ...data,
    native,
    dialects,
    settling: 0,
    headFile: headFile(config.data),
    commands: [...commands, counter().command],
  })
}

const instance = await opened()
const answers: { readonly [K in Asked['what']]: (asked: Extract<Asked, { what: K }>) => Promise<unknown> } = {
  async set({ offset }) {
    clock.offset = offset
  },
  forget: () => instance.forget(),
  post: async ({ body }) => JSON.parse((await instance.handle(wireOf(body))).body),
  local: ({ cmd, params }) => instance.local(cmd, params, { account: 1, uid: 0 }),
  end: () => instance.close(),
}

process.on('message', async (asked: Asked & { readonly id: number }) => {
  const answer = answers[asked.what] as (asked: Asked) => Promise<unknown>
  const value = await answer(asked).catch((error: unknown) => ({ failed: String(error) }))
  process.send?.({ id: asked.id, value })
  if (asked.what === 'end') process.disconnect()
})
process.send?.({ id: 0 })
