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
    const mayShow = ({ type }: { readonly type: number }) =>
      caller.holds('secrets:read') && caller.holdsAll(permissionsOfType(type))
    const user = await store.users.findWithToken(id, mayShow)
    return user ? ['USER_FOUND', user] : ['USER_NOT_FOUND']
  },
})
