import { ImportedKey, ImportKey } from '../../schemas/gateway.js'
import { command, invalid, madeBy, Refusal } from '../../src/command.js'

export default command({
  name: 'keys/import',
  summary: 'Let credentials that a vendor gave out go on working: an owner key of an account, with *',
  permission: 'instance',
  params: ImportKey,
  result: ImportedKey,
  codes: ['KEY_EXISTS', 'KEY_IMPORTED'],
  target: ({ key }) => key,
  async run({ key, secret, account }, { caller, store, now, audit }) {
    if (!caller.holds('*')) throw new Refusal('FORBIDDEN', { message: 'An owner key may do more than you may' })
    const owner = await store.accounts.owner(account)
    if (owner === undefined) throw invalid('/account', `there is no account ${account}: create it first`)
    const imported = {
      keyId: key,
      secret,
      account,
      principal: { kind: 'owner', id: owner },
      permissions: ['*'],
      createdBy: madeBy(caller),
      comment: 'imported',
    }
    if (!(await store.keys.insert(imported, now))) return ['KEY_EXISTS']
    audit(undefined, { key_id: key, account, principal: imported.principal, permissions: imported.permissions })
    return ['KEY_IMPORTED', { key_id: key, account }]
  },
})
