import { ApiAccessRef, OpenedAccess } from '../../schemas/api-access.js'
import { command, openAccess, requireOverUser, userMeant } from '../../src/command.js'

export default command({
  name: 'api-access/enable',
  summary: 'Give a panel user API access: a key of its own, which may do what the user may',
  permission: 'users:write',
  params: ApiAccessRef,
  result: OpenedAccess,
  codes: ['API_ACCESS_NOT_ENABLED', 'API_ACCESS_EXISTS', 'API_ACCESS_TOO_MANY_KEYS', 'API_ACCESS_ENABLED'],
  example: { params: { id: 'alice' }, after: ['set-user'] },
  target: ({ id }) => id,
  changesRights: () => ({}),
  async run({ id }, context) {
    const { caller, store, audit } = context
    const login = userMeant(id, caller)
    const user = login === undefined ? undefined : await store.users.find(login)
    if (!user) return ['API_ACCESS_NOT_ENABLED']
    requireOverUser(caller, user)
    const opened = await openAccess(user.id, context)
    if (opened === 'on') return ['API_ACCESS_EXISTS']
    if (opened === 'full') return ['API_ACCESS_TOO_MANY_KEYS']
    audit(undefined, { user: user.id, api_id: opened.keyId })
    return ['API_ACCESS_ENABLED', { api_id: opened.keyId, secret: opened.secret }]
  },
})
