import { ToggledUser, UserRef } from '../schemas/users.js'
import { command, permissionsOfType, Refusal } from '../src/command.js'

export default command({
  name: 'toggle-user',
  summary: 'Turn a panel user on or off',
  permission: 'users:write',
  params: UserRef,
  result: ToggledUser,
  codes: ['USER_NOT_TOGGLED', 'LAST_ADMINISTRATOR', 'USER_TOGGLED'],
  example: { params: { id: 'alice' }, after: ['set-user'] },
  target: ({ id }) => id,
  lock: false,
  changesRights: ({ id }) => ({ user: id }),
  async run({ id }, { caller, store, now, audit }) {
    const user = await store.users.toggle(id, now)
    if (!user) return ['USER_NOT_TOGGLED']
    if (!caller.holdsAll(permissionsOfType(user.type, user.assigned))) {
      throw new Refusal('FORBIDDEN', { message: `A user of type ${user.type} holds more than you do` })
    }
    const wasAdministrator = user.type === 1 && !user.enable && (user.expire === 0 || user.expire > now)
    if (wasAdministrator && !(await store.users.administratorLeft(now))) return ['LAST_ADMINISTRATOR']
    audit({ enable: !user.enable }, { enable: user.enable })
    return ['USER_TOGGLED', { id, enable: user.enable }]
  },
})
