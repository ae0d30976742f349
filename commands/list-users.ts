import { ListedUsers, ListUsers } from '../schemas/users.js'
import { command } from '../src/command.js'

export default command({
  name: 'list-users',
  summary: 'List panel users, without their tokens',
  permission: 'users:read',
  params: ListUsers,
  result: ListedUsers,
  codes: ['USERS_LISTED'],
  example: { params: { type: 3 }, after: ['set-user'] },
  async run({ page, pagesize, ...wanted }, { store }) {
    const { users, total } = await store.users.list(wanted, page, pagesize)
    return ['USERS_LISTED', { users, paging: { page, pagesize, total } }]
  },
})
