import { AssignedSlices, AssignSlices } from '../../schemas/slices.js'
import { command, requireAssignable, requireOverUser } from '../../src/command.js'

export default command({
  name: 'slices/assign',
  summary: 'Limit an observer to data slices and servers, or give them to a regular user to read',
  permission: 'slices:write',
  params: AssignSlices,
  result: AssignedSlices,
  codes: ['SLICES_NOT_ASSIGNED', 'SLICES_ASSIGNED'],
  example: {
    params: { user: 'alice', slices: ['sports'], servers: ['edge-1'] },
    after: ['set-user', 'servers/set', 'slices/set'],
  },
  target: ({ user }) => user,
  changesRights: () => ({}),
  async run({ user: login, ...wanted }, { caller, store, now, audit }) {
    await store.scopes.lock()
    const user = await store.users.find(login)
    if (!user) return ['SLICES_NOT_ASSIGNED']
    const before = await store.scopes.of(login)
    requireOverUser(caller, user)
    const after = {
      slices: [...new Set(wanted.slices ?? before?.slices)],
      servers: [...new Set(wanted.servers ?? before?.servers)],
    }
    if (after.slices.length + after.servers.length > 0) requireAssignable(caller, user)
    if (!(await store.slices.haveAll(after.slices))) return ['SLICES_NOT_ASSIGNED']
    if (!(await store.servers.haveAll(after.servers))) return ['SLICES_NOT_ASSIGNED']
    await store.scopes.set(login, after, now)
    audit(before, after)
    return ['SLICES_ASSIGNED', { user: login, ...after }]
  },
})
