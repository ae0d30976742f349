import type { KeyObject } from 'node:crypto'
import { type CodeEntry, codes, entryOf, isDone } from '../schemas/codes.js'
import type { Registered, Registry } from './admit.js'
import { type Asked, type Call, type Executed, nowOf, principalText, type SignedMessage, targetOf } from './call.js'
import type { Caller, RequestState } from './command.js'
import { hmac } from './hmac.js'
import { canonicalJson, type JsonObject } from './json.js'
import { Refusal } from './refusal.js'
import { exceeds, mostReply } from './reply-size.js'
import { showsSecret, withhold } from './secrets.js'
import { type Claim, identityDigest, outcomeBinding, voidCode } from './store/claims.js'
import type { Sealing } from './store/store.js'

export interface OutcomeParts {
  readonly registry: Registry
  readonly sealing: Sealing
  /** MACs parameters for comparison: a plain hash would let the database give passwords away. */
  readonly paramsKey: KeyObject
  /** Those of claims that are older than a change of the master key. */
  readonly earlierParamsKeys: readonly KeyObject[]
}

// A space separates: none of the parts can hold one.
export const keyIdentity = ({ caller, authority }: Call, key: string): string =>
  identityDigest(`k ${caller.account} ${authority?.lineage ?? ''} ${key}`)
export const messageIdentity = ({ caller, registered }: Call, { timestamp, mac }: SignedMessage): string =>
  identityDigest(`m ${timestamp} ${caller.account} ${registered.command.name} ${mac}`)

/** Whether the outcome of a call is kept, for messages that may be sent again; of a dry run, whether it would be. */
export const isKept = ({ paramsMac }: Asked): boolean => paramsMac !== ''

/** The digest of what must not be seen twice; undefined for what claims nothing: dry runs and the command line. */
export function identityOf(call: Call): string | undefined {
  const { message, dryRun } = call
  if (!message || dryRun) return undefined
  return message.idempotencyKey === undefined
    ? messageIdentity(call, message)
    : keyIdentity(call, message.idempotencyKey)
}

/** What is remembered of a message, and what a second one is answered from it (protocol §5). */
export class Outcomes {
  constructor(private readonly parts: OutcomeParts) {}

  /** Takes of the parameters what is needed once the command has had them. */
  asked(call: Call): Asked {
    const { command } = call.registered
    const compared = !command.reads && call.message?.idempotencyKey !== undefined
    return {
      requestId: call.requestId,
      nowMs: call.nowMs,
      registered: call.registered,
      params: call.params,
      caller: call.caller,
      authority: call.authority,
      dialect: call.dialect,
      message: call.message,
      dryRun: call.dryRun,
      isGone: call.isGone,
      target: targetOf(call),
      paramsMac: compared ? macOf(this.parts.paramsKey, command.name, call.params) : '',
    }
  }

  /** The claim of a call with its outcome, which is kept only for messages that may be sent again. */
  claim(call: Asked, caller: Caller, identity: string, executed: Pick<Executed, 'entry' | 'result' | 'json'>): Claim {
    const { json, sealed } = isKept(call) ? this.kept(call, executed) : nothingKept
    return {
      request_id: call.requestId,
      identity_digest: identity,
      account: caller.account,
      principal: principalText(caller.principal),
      command: call.registered.command.name,
      timestamp: call.message?.timestamp ?? nowOf(call),
      mac: call.message?.mac ?? '',
      params_mac: call.paramsMac,
      code: executed.entry.code,
      outcome: json,
      sealed,
      created_at: nowOf(call),
    }
  }

  /** The claim that keeps anything from running under an idempotency key. */
  voidClaim(call: Asked, caller: Caller, identity: string): Claim {
    return this.claim(call, caller, identity, { entry: entryOf(voidCode), result: undefined })
  }

  /** The answer to a message whose identity was seen before (the table of protocol §5). */
  replay({ message, registered, params, paramsMac }: Asked, claim: Claim, caller: Caller): Executed {
    if (message?.idempotencyKey === undefined) throw new Refusal('REPLAYED')
    if (claim.code === voidCode) {
      throw new Refusal('IDEMPOTENCY_MISMATCH', {
        message: 'This idempotency_key was made void: nothing runs under it',
      })
    }
    const { command } = registered
    if (claim.command !== command.name || (claim.params_mac !== paramsMac && !this.sameBefore(claim, params))) {
      throw new Refusal('IDEMPOTENCY_MISMATCH')
    }
    const result = this.stored(claim)
    // Whoever signs anew owns the secrets; the same bytes can come from anybody who saw them.
    const owned = claim.mac !== message.mac && this.holdsEveryItem(registered, params, caller)
    return {
      code: '',
      entry: storedEntry(claim, registered),
      result: owned ? result : withhold(result, registered.secretPaths(params)),
      replayed: true,
      audited: false,
    }
  }

  /** What `request-status` tells of a claim: never a secret. */
  stateOf(claim: Claim): RequestState {
    if (claim.code === voidCode) return { state: 'void' }
    const registered = this.parts.registry.get(claim.command)
    const { message } = registered ? storedEntry(claim, registered) : entryOf(claim.code)
    return {
      state: 'done',
      outcome: {
        cmd: claim.command,
        code: claim.code,
        status: isDone(claim.code) ? 'success' : 'failure',
        message,
        request_id: claim.request_id,
        ...this.harmlessResult(claim, registered),
      },
    }
  }

  /** Without the command's schema nobody can tell what is a secret; nor, without the items of a batch, where they are. */
  private harmlessResult(claim: Claim, registered: Registered | undefined): { result?: object } {
    const unknowable = !registered || (claim.sealed === 1 && registered.command.carries !== undefined)
    const stored = unknowable ? undefined : this.stored(claim)
    if (!stored || !registered) return {}
    return { result: registered.command.carries ? stored : withhold(stored, registered.secretPaths({})) }
  }

  private holdsEveryItem({ command }: Registered, params: Record<string, unknown>, caller: Caller): boolean {
    return (command.carries?.(params) ?? []).every(({ cmd }) => {
      const permission = this.parts.registry.get(cmd)?.command.permission ?? null
      return permission === null || caller.holds(permission)
    })
  }

  private kept({ registered, params, requestId }: Call, { result, json }: Pick<Executed, 'result' | 'json'>): Kept {
    if (json === undefined) return nothingKept
    if (!showsSecret(result, registered.secretPaths(params))) return { json, sealed: 0 }
    return { json: this.parts.sealing.seal(json, outcomeBinding(requestId)), sealed: 1 }
  }

  private stored({ outcome, sealed, request_id: requestId }: Claim): object | undefined {
    if (outcome === null) return undefined
    const json = sealed === 1 ? this.parts.sealing.open(outcome, outcomeBinding(requestId)) : outcome
    // Kept by a version that had no limit.
    return exceeds(json, mostReply) ? undefined : JSON.parse(json)
  }

  /** Whether parameters are those of a claim that was made under a master key before. */
  private sameBefore(claim: Claim, params: Record<string, unknown>): boolean {
    return this.parts.earlierParamsKeys.some((key) => macOf(key, claim.command, params) === claim.params_mac)
  }
}

function macOf(key: KeyObject, command: string, params: Record<string, unknown>): string {
  // Checked parameters come from JSON, so they are JSON.
  const text = `${command}\n${canonicalJson(params as JsonObject)}`
  return hmac(key, text, 'base64')
}

interface Kept {
  readonly json: string | null
  readonly sealed: 0 | 1
}

const nothingKept: Kept = { json: null, sealed: 0 }

const commandEntries: ReadonlyMap<string, CodeEntry> = new Map(Object.entries(codes))

/** The entry of a code that a command returned; throws when it declares no such code. */
export function entryByName({ command: { name, codes: declared, ownCodes } }: Registered, code: string): CodeEntry {
  if (!declared.includes(code)) throw new Error(`command "${name}" returned the undeclared code ${code}`)
  const own = ownCodes.get(code)
  const entry = own ? { ...entryOf(own.code), message: own.message } : commandEntries.get(code)
  if (!entry) throw new Error(`command "${name}" declares the unknown code ${code}`)
  return entry
}

function storedEntry({ code }: Claim, { command }: Registered): CodeEntry {
  const own = [...command.ownCodes.values()].find((entry) => entry.code === code)
  return own ? { ...entryOf(code), message: own.message } : entryOf(code)
}
