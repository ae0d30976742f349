import { ApiAccess, ApiAccessRef } from '../../schemas/api-access.js'
import { accessKey, command, isOwnAccess, userMeant } from '../../src/command.js'

export default command({
  name: 'api-access/get',
  summary: 'Show the API access of a panel user; without users:read, your own',
  permission: 'users:read',
  own: isOwnAccess,
  params: ApiAccessRef,
  result: ApiAccess,
  codes: ['API_ACCESS_NOT_FOUND', 'API_ACCESS_FOUND'],
  example: { params: { id: 'alice' }, after: ['api-access/whitelist'] },
  target: ({ id }) => id,
  async run({ id }, context) {
    const user = userMeant(id, context.caller)
    if (user === undefined || !(await context.store.users.find(user))) return ['API_ACCESS_NOT_FOUND']
    const key = await accessKey(user, context)
    const live = key?.enable && (key.expiresAt === null || key.expiresAt > context.now)
    return [
      'API_ACCESS_FOUND',
      {
        enabled: live ?? false,
        api_id: key?.keyId ?? null,
        whitelist: [...(key?.addresses ?? [])],
        created_at: key?.createdAt ?? null,
        last_used_at: key?.lastUsedAt ?? null,
      },
    ]
  },
})
