import type { AuditEntry } from './audit.js'

/** A row of the audit trail for what only the command line does: it concerns every account, and is shown to none. */
export function localEntry({
  command,
  code,
  uid,
  now,
  target = null,
  detail,
}: {
  readonly command: string
  readonly code: number
  /** The operating system's user id. */
  readonly uid: number
  /** Unix seconds. */
  readonly now: number
  readonly target?: string | null
  readonly detail: object
}): AuditEntry {
  return {
    at_ms: now * 1000,
    account: 0,
    principal: `local:${uid}`,
    key_id: null,
    address: 'local',
    dialect: 'local',
    command,
    target,
    code,
    dry_run: 0,
    request_id: `${command.replace('/', '.')}.${now}`,
    detail: JSON.stringify({ after: detail }),
  }
}
