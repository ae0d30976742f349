import { type CodeEntry, gatewayCodes, isDone } from '../schemas/codes.js'
import { type Registered, type Registry, requireKnown, requirePermission, requireValid } from './admit.js'
import { type Asked, auditEntry } from './call.js'
import type { Caller, Item, Judged, Performed, PrepareContext } from './command.js'
import { Refusal } from './refusal.js'
import type { AuditEntry } from './store/audit.js'

/** An item of a batch as it stands before the transaction: what to run, or why not. */
export interface Judgement extends Judged {
  readonly cmd: string
  readonly registered: Registered | undefined
  readonly params: Record<string, unknown>
  readonly prepared: unknown
  readonly refused: Performed | undefined
}

/** Judges one item as its own message would be: command known, permission, parameters, preparation. */
export async function judge(
  { cmd, params }: Item,
  registry: Registry,
  caller: Caller,
  context: PrepareContext,
): Promise<Judgement> {
  try {
    const registered = requireKnown(cmd, registry)
    requirePermission(registered.command, caller, params)
    const own = { ...params }
    // A U+0000 anywhere in it was found when the message that carries it was looked at.
    requireValid(registered, own, false)
    return {
      cmd,
      registered,
      params: own,
      prepared: await registered.command.prepare?.(own, context),
      refused: undefined,
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { cmd, registered: undefined, params: {}, prepared: undefined, refused: refusedItem(error) }
  }
}

/** What an item that the gateway refuses answers. */
export const refusedItem = ({ code, detail }: Refusal): Performed => {
  const entry = gatewayCodes[code]
  const { errors, suggestion } = detail
  return {
    code: entry.code,
    done: false,
    status: 'failure',
    message: detail.message ?? entry.message,
    ...(errors && { errors: [...errors] }),
    ...(suggestion && { suggestion }),
  }
}

/**
 * The audit rows of the items of a call, from those of the items that had their turn: one for every item, and where
 * nothing was kept none says that something was done.
 */
export function itemRows(call: Asked, caller: Caller, code: number, rows: readonly AuditEntry[]): AuditEntry[] {
  if (isDone(code)) return [...rows]
  const undone = { ...auditEntry(call, caller, code), target: null }
  const others = (call.registered.command.carries?.(call.params) ?? []).slice(rows.length)
  return [
    ...rows.map((row) => (isDone(row.code) ? { ...row, code, detail: null } : row)),
    ...others.map(({ cmd }) => ({ ...undone, command: cmd })),
  ]
}

/** What an item that ran answers. */
export const performedItem = ({ code, message }: CodeEntry, result: object | undefined): Performed => ({
  code,
  done: isDone(code),
  status: isDone(code) ? 'success' : 'failure',
  message,
  ...(result && { result }),
})
