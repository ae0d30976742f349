import type { Session } from './db.js'

/** How what one entry did since `begin` can be taken back, while the rest of its transaction stays. */
export interface Taking {
  /** Whether the parts of an entry do without savepoints too. */
  readonly light: boolean
  begin(): Promise<void>
  /** Rejects with {@link NeedsSavepoints} when it cannot. */
  undo(): Promise<void>
  keep(): Promise<void>
}

/** Something was written that has to be taken back alone: the transaction is rolled back and run again with savepoints. */
export class NeedsSavepoints extends Error {}

/** A savepoint for each entry. SQLite copies every page that is changed in one: a fifth of what a write costs. */
export const savepoints = (session: Session): Taking => ({
  light: false,
  begin: () => session.savepoint(),
  undo: () => session.undo(),
  keep: () => session.keep(),
})

const nothing = Promise.resolve()

/** No savepoints: an entry that has written nothing needs none. */
export function plain(session: Session): Taking {
  let before = 0
  return {
    light: session.immediate,
    begin() {
      before = session.written
      return nothing
    },
    async undo() {
      if (session.written !== before) throw new NeedsSavepoints()
    },
    keep: () => nothing,
  }
}
