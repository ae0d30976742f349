import { CreateSubowner, Subowner } from '../../schemas/subowners.js'
import {
  command,
  heldBySubowner,
  makerOf,
  requireOverSubowner,
  shownSubowner,
  subownerPrincipal,
} from '../../src/command.js'

export default command({
  name: 'subowners/create',
  summary: 'Create a login with a signing secret of its own, for a part of what the account may do',
  permission: 'subowners:write',
  params: CreateSubowner,
  result: Subowner,
  codes: ['SUBOWNER_EXISTS', 'SUBOWNER_CREATED'],
  example: { params: { username: 'ptvn.dave', password: 'not-this-one', permissions: ['slice'] } },
  target: ({ username }) => username,
  prepare: ({ password }, { passwords }) => passwords.hash(password),
  async run({ username, permissions: wanted = [] }, context) {
    const { caller, store, now, prepared, id, newKey, audit } = context
    const permissions = [...new Set(wanted)]
    requireOverSubowner(caller, permissions)
    const { keyId, secret } = newKey()
    const made = { id: id(), username, permissions, keyId }
    if (!(await store.subowners.insert(made, prepared, heldBySubowner(permissions), now))) return ['SUBOWNER_EXISTS']
    await store.keys.insert(
      {
        keyId,
        secret,
        account: caller.account,
        principal: subownerPrincipal(made.id),
        permissions: ['*'],
        addresses: caller.addresses?.entries ?? [],
        expiresAt: caller.expiresAt,
        ...makerOf(caller),
        comment: '',
      },
      now,
    )
    audit(undefined, { id: made.id, username, permissions, key_id: keyId })
    const shown = shownSubowner(made, [], context)
    return ['SUBOWNER_CREATED', { ...shown, api_key: secret, all_api_keys: { [secret]: { enabled: true } } }]
  },
})
