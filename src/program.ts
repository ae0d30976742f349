import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dialects } from '../dialects/index.js'
import { type Config, type RawConfig, toConfig } from './config.js'
import type { BareNaming } from './store/bare-names.js'
import { schemaName, schemaOfFolder } from './store/migration-files.js'

const root = join(import.meta.dirname, '..', '..')

/** The folder of the migrations. */
export const migrations = join(root, 'migrations')

/** The version of this program. */
export function versionOf(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return version
}

/** The number of the newest migration that this program knows, such as `0007`. */
export const schemaOf = (): string => schemaName(schemaOfFolder(migrations))

/** Checks settings against the dialects that there are. */
export const configOf = (raw: RawConfig): Config =>
  toConfig(
    raw,
    dialects.map(({ name }) => name),
    dialects.filter(({ links }) => links).map(({ name }) => name),
  )

/** How the dialects that are on name users without their account. */
export function bareNamingOf({ dialects: on, defaultAccount }: Config): BareNaming {
  const named = (what: 'passwords' | 'owners') =>
    dialects.some(({ name, names }) => on.includes(name) && names === what)
  return { defaultAccount, passwords: named('passwords'), owners: named('owners') }
}
