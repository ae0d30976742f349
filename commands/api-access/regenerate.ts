import { RegenerateAccess, RegeneratedAccess } from '../../schemas/api-access.js'
import { accessKey, ceilingOf, command, endFor, isLiveKey, isOwnAccess, requireShowable } from '../../src/command.js'

const defaultGrace = 3_600

export default command({
  name: 'api-access/regenerate',
  summary: 'Give API access a new secret, the old one works for the grace time; without users:write, your own',
  permission: 'users:write',
  own: isOwnAccess,
  params: RegenerateAccess,
  result: RegeneratedAccess,
  codes: ['API_ACCESS_NOT_REGENERATED', 'API_ACCESS_REGENERATED'],
  example: { params: { id: 'alice', grace: 600 }, after: ['api-access/enable'] },
  target: ({ id }) => id,
  changesRights: () => ({}),
  async run({ id, grace = defaultGrace }, context) {
    const { caller, store, now, newKey, audit } = context
    const key = await accessKey(id, context)
    if (!key || !isLiveKey(key, now)) return ['API_ACCESS_NOT_REGENERATED']
    requireShowable(caller, key)
    const { secret } = newKey()
    const made = { secret, ceiling: ceilingOf(caller.permissions), end: endFor(caller, key.principal) }
    const rotated = await store.accountKeys.rotate(key.keyId, made, now + grace)
    if (!rotated) return ['API_ACCESS_NOT_REGENERATED']
    audit(undefined, { api_id: key.keyId, old_secret_until: now + grace })
    return ['API_ACCESS_REGENERATED', { api_id: key.keyId, secret, old_secret_until: now + grace }]
  },
})
