import type { Authority } from './authority.js'
import type { Session } from './store/db.js'

/**
 * Authorities as transactions find them behind their locks. Commands of one transaction that were signed by one key share one
 * question, which travels with the other questions of the transaction.
 */
export class Renewals {
  private readonly asked = new WeakMap<Session, Map<Authority, Promise<Authority>>>()

  of(session: Session, authority: Authority): Promise<Authority> {
    const known = this.asked.get(session) ?? new Map<Authority, Promise<Authority>>()
    this.asked.set(session, known)
    const asked = known.get(authority)
    if (asked) return asked
    const renewed = authority.reload(session)
    // The command that waits for it meets the error.
    renewed.catch(() => undefined)
    known.set(authority, renewed)
    return renewed
  }
}
