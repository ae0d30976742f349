import { ListAudit, ListedAudit } from '../../schemas/audit.js'
import { command } from '../../src/command.js'

export default command({
  name: 'audit/list',
  summary: 'List who did what, newest first, with what it changed',
  permission: 'audit:read',
  params: ListAudit,
  result: ListedAudit,
  codes: ['AUDIT_LISTED'],
  async run({ cursor, pagesize, of_command: only, ...wanted }, { caller, store }) {
    const before = cursor === undefined ? undefined : Number(cursor)
    const rows = await store.audit.list(caller.account, { ...wanted, command: only }, before, pagesize)
    const last = rows.length === pagesize ? rows.at(-1) : undefined
    const shown = rows.map(({ at_ms, code, dry_run, detail, ...row }) => ({
      ...row,
      at: at_ms / 1000,
      result_code: code,
      was_dry_run: dry_run === 1,
      ...(detail !== null && JSON.parse(detail)),
    }))
    return ['AUDIT_LISTED', { rows: shown, next_cursor: last ? String(last.seq) : null }]
  },
})
