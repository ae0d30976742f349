import { VerifiedAudit } from '../../schemas/audit.js'
import { Nothing } from '../../schemas/types.js'
import { command, invalid, Refusal } from '../../src/command.js'

/** Some seconds of work; a longer trail is for the command line, which nobody waits for. */
const mostRows = 500_000

export default command({
  name: 'audit/verify',
  summary: 'Check the chain of the audit trail: an edited or removed row breaks it',
  permission: 'audit:read',
  params: Nothing,
  result: VerifiedAudit,
  codes: ['AUDIT_BROKEN', 'AUDIT_HOLDS'],
  example: { params: {}, after: ['set-user'] },
  async run(_params, { store }) {
    const { audit } = store
    // Inside a transaction everybody else would wait for it.
    if (audit.hurried) throw invalid('/cmd', 'looks at the whole trail, which no batch can carry')
    const { broken } = await audit.verify(withinReach)
    const result = { ok: broken === undefined, first_broken: broken?.seq ?? null, why: broken?.why ?? null }
    return [result.ok ? 'AUDIT_HOLDS' : 'AUDIT_BROKEN', result]
  },
})

function withinReach(rows: number): void {
  if (rows <= mostRows) return
  throw new Refusal('TIMED_OUT', {
    message: `The trail has more than ${mostRows} rows: check it with "countersign audit verify"`,
  })
}
