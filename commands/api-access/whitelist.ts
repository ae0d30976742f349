import { WhitelistAccess, WhitelistedAccess } from '../../schemas/api-access.js'
import { accessKey, command, isOwnAccess, requireGrantable, requireOver, requireUpdatable } from '../../src/command.js'

export default command({
  name: 'api-access/whitelist',
  summary: 'Say where API access may be used from; without users:write, your own',
  permission: 'users:write',
  own: isOwnAccess,
  params: WhitelistAccess,
  result: WhitelistedAccess,
  codes: ['API_ACCESS_NOT_LISTED', 'API_ACCESS_WHITELISTED'],
  example: { params: { id: 'alice', ips: ['192.0.2.0/24', '2001:db8::7'] }, after: ['api-access/enable'] },
  target: ({ id }) => id,
  changesRights: () => ({}),
  async run({ id, ips }, context) {
    const { caller, store, audit } = context
    const before = await accessKey(id, context)
    if (!before) return ['API_ACCESS_NOT_LISTED']
    requireOver(caller, before)
    requireGrantable(caller, { ips })
    await store.accountKeys.update(before.keyId, { addresses: ips })
    requireUpdatable(caller, before, { ...before, addresses: ips })
    audit({ whitelist: before.addresses }, { whitelist: ips })
    return ['API_ACCESS_WHITELISTED', { whitelist: [...ips] }]
  },
})
