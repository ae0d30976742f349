import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, ConfigError } from './config.js'
import { makePrivate, writePrivate } from './files.js'
import type { MasterKey } from './keyring.js'
import { openVault, parseMasterKey } from './seal.js'

type Random = (size: number) => Buffer
type Where = Pick<Config, 'data' | 'masterKey' | 'masterKeyFile'>

/** The file of the master key; where the environment holds the key itself, nothing reads it. */
export const masterKeyFile = ({ data, masterKeyFile: file }: Where): string => file || join(data, 'master.key')

/** Where a change of the master key keeps the new one until everything is sealed under it. */
export const nextKeyFile = (config: Where): string => `${masterKeyFile(config)}.next`

/**
 * The keys that may be the database's: the configured one first, then the one of a change under way. Throws
 * {@link ConfigError} when the configured one is missing or no key.
 */
export function masterKeys(config: Where, randomBytes: Random, next = nextKeyFile(config)): MasterKey[] {
  const keys = [opened(configured(config), randomBytes)]
  // A gateway that is given its key by the environment takes none from a file.
  if (existsSync(next) && (!config.masterKey || next !== nextKeyFile(config))) keys.push(readKey(next, randomBytes))
  return keys
}

export function readKey(file: string, randomBytes: Random): MasterKey {
  return opened(parsed(textOf(file), file), randomBytes)
}

/** Makes a master key in a file; durable when this returns. */
export const makeKey = (file: string, randomBytes: Random): void =>
  writePrivate(file, `${randomBytes(32).toString('base64')}\n`)

/** Makes `master.key` unless it is there; of several processes one makes it. */
export const makeMasterKey = (folder: string, randomBytes: Random): void =>
  makePrivate(join(folder, 'master.key'), `${randomBytes(32).toString('base64')}\n`)

const opened = (key: Buffer, randomBytes: Random): MasterKey => ({ key, vault: openVault(key, randomBytes) })

function configured(config: Where): Buffer {
  const file = masterKeyFile(config)
  if (config.masterKey) return parsed(config.masterKey, 'COUNTERSIGN_MASTER_KEY')
  if (!existsSync(file)) {
    throw new ConfigError([
      `${file}: the master key is missing, and without it nothing in the database can be opened: put it back from where you keep it, or say with COUNTERSIGN_MASTER_KEY_FILE where it is (for a new data folder, "openssl rand -base64 32" makes one)`,
    ])
  }
  return parsed(textOf(file), file)
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? error.code : error
    throw new ConfigError([
      `${file}: the master key cannot be read (${why}): it must be a file that this user may read`,
    ])
  }
}

function parsed(text: string, from: string): Buffer {
  const key = parseMasterKey(text)
  if (!key) throw new ConfigError([`${from}: expected 32 bytes in base64 or hex`])
  return key
}
