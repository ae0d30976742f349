import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nanoid } from 'nanoid'
import { pino } from 'pino'
import { commands } from '../commands/index.js'
import { dialects } from '../dialects/index.js'
import { native } from '../dialects/native.js'
import type { Command } from './command.js'
import { type Config, type RawConfig, toConfig } from './config.js'
import type { Data } from './data.js'
import { type Instance, type InstanceOptions, openInstance, type Surroundings } from './instance.js'
import { loadCommands } from './own-commands.js'
import { migrationFiles } from './store/migrate.js'

const root = join(import.meta.dirname, '..', '..')

const migrations = join(root, 'migrations')

/** The version of this program. */
export function versionOf(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return version
}

/** The number of the newest migration that this program knows, such as `0007`. */
export const schemaOf = (): string => migrationFiles(migrations).at(-1)?.slice(0, 4) ?? 'none'

/** The real clock, chance and log (on stderr). */
export const surroundings = (logLevel: string): Surroundings => ({
  now: Date.now,
  randomBytes,
  randomName: nanoid,
  migrations,
  logger: pino({ level: logLevel }, pino.destination({ dest: 2, sync: true })),
})

/** Checks settings against the dialects that there are. */
export const configOf = (raw: RawConfig): Config =>
  toConfig(
    raw,
    dialects.map(({ name }) => name),
    dialects.filter(({ links }) => links).map(({ name }) => name),
  )

/** A gateway with every command and dialect that the configuration names, the operator's own commands included, as `watch` hands them on. */
export async function instanceOn(
  { db, vault, node }: Data,
  config: Config,
  around: Surroundings,
  further: Pick<InstanceOptions, 'headFile' | 'meter'> = {},
  watch: (commands: readonly Command[]) => readonly Command[] = (own) => own,
): Promise<Instance> {
  const own = config.commands ? await loadCommands(config.commands) : []
  return openInstance({
    ...around,
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
