import { AccessTokens } from './access-tokens.js'
import { AccountAudit } from './account-audit.js'
import { AccountKeys } from './account-keys.js'
import { lockAccount } from './account-lock.js'
import { Accounts } from './accounts.js'
import { ApiAccess } from './api-access.js'
import type { AuditTrail } from './audit-trail.js'
import type { Tagging } from './bindings.js'
import type { Calendar } from './calendar.js'
import type { Queries } from './db.js'
import { DevicePasswords } from './device-passwords.js'
import { Forgotten } from './forgotten.js'
import { History } from './history.js'
import { Keys } from './keys.js'
import { Lineage } from './lineage.js'
import { ownPace, type Pace } from './pace.js'
import { Records } from './records.js'
import { Samples } from './samples.js'
import { Scopes } from './scopes.js'
import { Servers } from './servers.js'
import { Slices } from './slices.js'
import { StreamUsers } from './stream-users.js'
import { Subowners } from './subowners.js'
import { Tickets } from './tickets.js'
import { Users } from './users.js'

/** Seals secrets that must be recoverable, bound to their row. */
export interface Sealing extends Tagging {
  seal(text: string, binding: string): string
  open(sealed: string, binding: string): string
}

/**
 * Told when something that decides over authority changed: `key:ID`, `token:ID`, `account:N`, `user:N:LOGIN`, `principal:N:KIND:ID`.
 * `isNew`: it was not there before, so nobody's rights rest on it.
 */
export type Touch = (what: string, isNew?: boolean) => void

/** What a command may do to the database: the repositories, cut to one account. */
export class Store {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
    private readonly sealing: Sealing,
    private readonly touch: Touch,
    private readonly trailOn: (queries: Queries, pace: Pace) => AuditTrail,
    private readonly pace: Pace = ownPace(),
  ) {}

  /** See {@link lockAccount}. */
  lock(): Promise<void> {
    return lockAccount(this.queries, this.account)
  }

  get audit(): AccountAudit {
    return new AccountAudit(this.trailOn(this.queries, this.pace), this.account, this.sealing)
  }

  get users(): Users {
    return new Users(this.queries, this.account, this.sealing, this.touch, this.pace)
  }

  get streamUsers(): StreamUsers {
    return new StreamUsers(this.queries, this.account, this.pace)
  }

  get records(): Records {
    return new Records(this.queries, this.account)
  }

  /** Not cut to the account: for commands that need `instance`. */
  get accounts(): Accounts {
    return new Accounts(this.queries, this.touch)
  }

  /** Keys by their id alone; looks into no account. */
  get keys(): Keys {
    return new Keys(this.queries, this.sealing, this.touch)
  }

  get accountKeys(): AccountKeys {
    return this.keysOf(this.account)
  }

  /** The keys of any account: for commands that need `instance`. */
  keysOf(account: number): AccountKeys {
    return new AccountKeys(this.queries, account, this.sealing, this.touch)
  }

  get lineage(): Lineage {
    return new Lineage(this.queries, this.account)
  }

  get subowners(): Subowners {
    return new Subowners(this.queries, this.account, this.sealing, this.touch)
  }

  get apiAccess(): ApiAccess {
    return new ApiAccess(this.queries, this.account)
  }

  get servers(): Servers {
    return new Servers(this.queries, this.account)
  }

  get slices(): Slices {
    return new Slices(this.queries, this.account, this.pace)
  }

  get samples(): Samples {
    return new Samples(this.queries, this.account, this.pace)
  }

  /** Of every account. */
  get forgotten(): Forgotten {
    return new Forgotten(this.queries)
  }

  history(calendar: Calendar, hoursFrom: number): History {
    return new History(this.queries, this.account, calendar, hoursFrom, this.pace)
  }

  get scopes(): Scopes {
    return new Scopes(this.queries, this.account, this.sealing, this.touch)
  }

  get tickets(): Tickets {
    return new Tickets(this.queries, this.account)
  }

  get devicePasswords(): DevicePasswords {
    return new DevicePasswords(this.queries, this.account)
  }

  get accessTokens(): AccessTokens {
    return new AccessTokens(this.queries, this.account, this.sealing, this.touch)
  }
}
