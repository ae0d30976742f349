import { ApiAccessRef } from '../../schemas/api-access.js'
import { Nothing } from '../../schemas/types.js'
import { accessKey, command, isOwnAccess, requireOver } from '../../src/command.js'

export default command({
  name: 'api-access/disable',
  summary: 'Turn API access off at once, every secret of it; without users:write, your own',
  permission: 'users:write',
  own: isOwnAccess,
  params: ApiAccessRef,
  result: Nothing,
  codes: ['API_ACCESS_NOT_DISABLED', 'API_ACCESS_DISABLED'],
  example: { params: { id: 'alice' }, after: ['api-access/enable'] },
  target: ({ id }) => id,
  changesRights: () => ({}),
  async run({ id }, context) {
    const { caller, store, audit } = context
    const key = await accessKey(id, context)
    if (!key?.enable) return ['API_ACCESS_NOT_DISABLED']
    requireOver(caller, key)
    await store.accountKeys.update(key.keyId, { enable: false })
    audit({ api_id: key.keyId, enable: true }, { enable: false })
    return ['API_ACCESS_DISABLED']
  },
})
