import { User, UserRef } from '../schemas/users.js'
import { command, permissionsOfType } from '../src/command.js'

export default command({
  name: 'get-user',
  summary: 'Show a panel user',
  permission: 'users:read',
  params: UserRef,
  result: User,
  codes: ['USER_NOT_FOUND', 'USER_FOUND'],
  example: { params: { id: 'alice' }, after: ['set-user'] },
  target: ({ id }) => id,
  async run({ id }, { caller, store }) {
    const found = await store.users.findWithToken(id)
    if (!found) return ['USER_NOT_FOUND']
    const { user, token } = found
    const mayReveal = caller.holds('secrets:read') && caller.holdsAll(permissionsOfType(user.type))
    return ['USER_FOUND', { ...user, token: mayReveal ? token() : null }]
  },
})
