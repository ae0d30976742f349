import { randomBytes } from 'node:crypto'
import { nanoid } from 'nanoid'
import { pino } from 'pino'
import { commands } from '../commands/index.js'
import { dialects } from '../dialects/index.js'
import { native } from '../dialects/native.js'
import type { Command } from './command.js'
import type { Config } from './config.js'
import type { Data } from './data.js'
import { type Instance, type InstanceOptions, openInstance, type Surroundings } from './instance.js'
import { loadCommands } from './own-commands.js'
import { bareNamingOf, migrations } from './program.js'
import { namesNoLongerBare } from './store/bare-names.js'
import { unknownMigrations } from './store/compatible.js'

/** The real clock, chance and log (on stderr). */
export const surroundings = (logLevel: string): Surroundings => ({
  now: Date.now,
  randomBytes,
  randomName: nanoid,
  migrations,
  logger: pino({ level: logLevel }, pino.destination({ dest: 2, sync: true })),
})

/** A gateway with every command and dialect that the configuration names, the operator's own commands included, as `watch` hands them on. */
export async function instanceOn(
  { db, vault, node }: Data,
  config: Config,
  around: Surroundings,
  further: Pick<InstanceOptions, 'headFile' | 'meter'> = {},
  watch: (commands: readonly Command[]) => readonly Command[] = (own) => own,
): Promise<Instance> {
  if (further.headFile !== undefined) {
    try {
      const bare = await namesNoLongerBare(db, bareNamingOf(config), Math.floor(around.now() / 1000))
      if (bare) around.logger.warn(bare, 'since the upgrade these users log in, or sign as _owner, as CDN/NAME alone')
    } catch (err) {
      // It reads all users, which may take longer than a statement of a gateway may.
      around.logger.warn({ err }, 'which users log in as CDN/NAME alone is not known: "countersign doctor" tells')
    }
    const newer = await unknownMigrations(db, around.migrations)
    if (newer.length > 0)
      around.logger.warn({ migrations: newer }, 'a newer version has upgraded the database: this one works beside it')
  }
  const own = config.commands ? await loadCommands(config.commands) : []
  return openInstance({
    ...around,
    elapsed: () => performance.now(),
    ...config,
    db,
    vault,
    node,
    commands: [...commands, ...watch(own)],
    dialects: dialects.filter(({ name }) => config.dialects.includes(name)),
    native,
    ...further,
  })
}
