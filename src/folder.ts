import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from './config.js'

/** A data folder, by what a configuration says of it. */
export type Where = Pick<Config, 'data' | 'databaseUrl'>

export const adminKeyFile = (folder: string): string => join(folder, 'admin-key.json')
export const databaseFile = (folder: string): string => join(folder, 'countersign.db')
export const lockFile = (folder: string): string => join(folder, 'countersign.lock')

/** `DIR/node`: what a gateway on PostgreSQL is called in the audit trail, made once. */
export const nodeFile = (folder: string): string => join(folder, 'node')

/** Whether the folder holds a database already, or the name under which it takes part in one of PostgreSQL. */
export const isInitialised = ({ data, databaseUrl }: Where): boolean =>
  existsSync(databaseUrl ? nodeFile(data) : databaseFile(data)) && !existsSync(pendingFile(data))

/** Whether `serve` may initialise the folder: it is not there, is empty, an initialisation was cut short, or it need not hold a database. */
export function isEmpty({ data, databaseUrl }: Where): boolean {
  if (databaseUrl !== '' || !existsSync(data)) return true
  // Listed once: another process may be initialising it, and its mark is there before and after all else.
  const names = readdirSync(data)
  return names.length === 0 || names.includes(pendingName)
}

/** Whether the folder is somebody else's. Asked anew whether it is initialised: another process may have done it since it was asked. */
export const isForeign = (where: Where): boolean => !isEmpty(where) && !isInitialised(where)

const pendingName = '.initialising'

/** Stands while an initialisation is under way: one that was cut short is done again. */
export const pendingFile = (folder: string): string => join(folder, pendingName)
