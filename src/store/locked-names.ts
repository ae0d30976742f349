import type { LockedNames } from './db.js'

/** Every transaction that writes shares it. A change of what all of them rest on, such as the master key, has it alone. */
export const instanceName = 'instance'

/** What a transaction locks that rests on nothing else. */
export const instanceShared: LockedNames = { shared: new Set([instanceName]), alone: new Set() }
export const instanceAlone: LockedNames = { shared: new Set(), alone: new Set([instanceName]) }

/** What an entry of the ledger says of the names that its transaction locks. A name is what a command touches, such as `user:1:alice`. */
export interface Names {
  /** What its rights rest on: shared, so that whatever ends a right waits for it, or it waits for that. */
  readonly restsOn: readonly string[]
  /** What it will change, as far as that is known before it runs. */
  readonly changes: readonly string[]
  /** What it did change, filled while it runs. */
  readonly changed: ReadonlySet<string>
  /** Covers every name of its account. */
  readonly whole: string
}

/** An entry that changes more names of its account than this locks the account instead: the server has room for so many locks. */
const mostNames = 16

/** The names that a transaction of these entries locks. `further` was found to be missing by an earlier run. */
export function namesToLock(entries: readonly (Names | undefined)[], further: ReadonlySet<string>): LockedNames {
  const shared = new Set([instanceName])
  const alone = new Set(further)
  for (const names of entries) {
    if (!names) continue
    for (const name of names.restsOn) shared.add(name)
    for (const name of few(names.changes, names)) alone.add(name)
  }
  return { shared, alone }
}

/**
 * What is to be locked because the entries changed it without having locked it: whole accounts, since the next run may change
 * other names.
 */
export function missingLocks(entries: readonly (Names | undefined)[], { alone }: LockedNames): string[] {
  return entries.flatMap((names) => {
    if (!names) return []
    const missing = [...names.changed].filter((name) => !alone.has(name))
    const accounts = missing.filter(isAccount)
    return missing.length > accounts.length && !alone.has(names.whole) ? [...accounts, names.whole] : accounts
  })
}

const isAccount = (name: string): boolean => name.startsWith('account:')

const few = (names: readonly string[], { whole }: Names): readonly string[] =>
  names.length > mostNames ? [whole] : names
