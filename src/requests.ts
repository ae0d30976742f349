import { codes } from '../schemas/codes.js'
import { type Asked, auditEntry, type Call, principalText } from './call.js'
import type { Caller, Context, RequestState } from './command.js'
import { keyIdentity, type Outcomes } from './outcomes.js'
import { Claims } from './store/claims.js'
import type { Db, Queries } from './store/db.js'
import type { Ledger } from './store/ledger.js'
import type { Names } from './store/locked-names.js'

export interface RequestParts {
  readonly db: Db
  readonly ledger: Ledger
  readonly outcomes: Outcomes
  readonly isRunning: (identity: string) => boolean
  /** The caller of a call as of now. */
  readonly current: (call: Call, queries: Queries) => Promise<Caller>
  /** What the transaction of a call locks. */
  readonly namesOf: (call: Call) => Names | undefined
}

/** What `request-status` asks: the caller's own requests, by idempotency key or by request id. `onAudited`: a row of the trail was written for it. */
export function requestsOf(call: Asked, parts: RequestParts, onAudited: () => void): Context['requests'] {
  const { db, outcomes } = parts

  async function byKey(key: string): Promise<RequestState> {
    const identity = keyIdentity(call, key)
    if (parts.isRunning(identity)) return { state: 'running' }
    const claim = await new Claims(db).find(identity)
    return claim ? outcomes.stateOf(claim) : { state: 'unseen' }
  }

  async function byId(requestId: string): Promise<RequestState> {
    const { account, principal } = call.caller
    const claim = await new Claims(db).findRequest(requestId)
    const own = claim?.account === account && claim.principal === principalText(principal)
    return claim && own ? outcomes.stateOf(claim) : { state: 'unknown' }
  }

  async function voidKey(key: string): Promise<RequestState> {
    const state = await byKey(key)
    if (state.state !== 'unseen' || call.dryRun) return state
    const identity = keyIdentity(call, key)
    return parts.ledger.submit<RequestState>({
      name: call.registered.command.name,
      account: call.caller.account,
      identity,
      timestamp: call.message?.timestamp,
      names: parts.namesOf(call),
      async run(queries) {
        const caller = await parts.current(call, queries)
        const claim = outcomes.voidClaim(call, caller, identity)
        onAudited()
        const audit = [auditEntry(call, caller, codes.REQUEST_STATUS.code)]
        return { keep: true, claim, audit, value: { state: 'void' } }
      },
      seen: async (claim) => outcomes.stateOf(claim),
    })
  }

  return { byKey, byId, void: voidKey }
}
