import { ListAudit, ListedAudit } from '../../schemas/audit.js'
import { command, invalid } from '../../src/command.js'

export default command({
  name: 'audit/list',
  summary: 'List who did what, newest first, with what it changed',
  permission: 'audit:read',
  params: ListAudit,
  result: ListedAudit,
  codes: ['AUDIT_LISTED'],
  example: { params: { of_command: 'toggle-user', pagesize: 10 }, after: ['toggle-user'] },
  async run({ cursor, pagesize, of_command: only, ...wanted }, { store }) {
    const page = await store.audit.list({ ...wanted, command: only }, cursor, pagesize)
    if (!page) throw invalid('/cursor', 'is not the next_cursor of a page of yours: start without one')
    const shown = page.rows.map(({ at_ms, code, dry_run, detail, ...row }) => ({
      ...row,
      at: at_ms / 1000,
      result_code: code,
      was_dry_run: dry_run === 1,
      ...changeOf(detail),
    }))
    return ['AUDIT_LISTED', { rows: shown, next_cursor: page.next ?? null }]
  },
})

/** A row that somebody tampered with must not keep the others from being read; `audit/verify` tells of it. */
function changeOf(detail: string | null): { before?: object; after?: object } {
  try {
    const { before, after } = JSON.parse(detail ?? '{}')
    return { ...(isObject(before) && { before }), ...(isObject(after) && { after }) }
  } catch {
    return {}
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
