import { ImportedKey, ImportKey } from '../../schemas/gateway.js'
import { type Caller, command, madeBy, makerOf, mostLiveKeys, requireGrantable } from '../../src/command.js'

export default command({
  name: 'keys/import',
  summary: 'Let credentials that a vendor gave out go on working: an owner key of an account, with *',
  permission: 'instance',
  params: ImportKey,
  result: ImportedKey,
  codes: ['KEY_EXISTS', 'KEY_NOT_IMPORTED', 'KEY_WITHOUT_ACCOUNT', 'KEY_IMPORTED'],
  example: {
    params: { key: 'EXAMPLEKEY158', secret: 'the-secret-that-this-client-signs-with', account: 158 },
    after: ['accounts/create'],
  },
  target: ({ key }) => key,
  async run({ key, secret, account }, { caller, store, now, audit }) {
    requireGrantable(caller, { permissions: ['*'], ips: [], expires_at: null })
    const owner = await store.accounts.owner(account)
    if (owner === undefined) return ['KEY_WITHOUT_ACCOUNT']
    const imported = {
      keyId: key,
      secret,
      account,
      principal: { kind: 'owner', id: owner },
      permissions: ['*'],
      ...makerOf(caller),
      createdBy: creator(caller, account),
      comment: 'imported',
    }
    if (!(await store.keys.insert(imported, now))) return ['KEY_EXISTS']
    if ((await store.keysOf(account).countLive(imported.principal, now)) > mostLiveKeys) return ['KEY_NOT_IMPORTED']
    audit(undefined, { key_id: key, account, principal: imported.principal, permissions: imported.permissions })
    return ['KEY_IMPORTED', { key_id: key, account }]
  },
})

/** The id of a key is its own account's business. No key has an id with a space, so nothing is taken for that one's child. */
function creator(caller: Caller, account: number): string {
  return caller.keyId === null || caller.account === account ? madeBy(caller) : 'an instance key'
}
