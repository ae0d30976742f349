import { DeletedSubowner, SubownerRef } from '../../schemas/subowners.js'
import { command, requireOverSubowner } from '../../src/command.js'

export default command({
  name: 'subowners/delete',
  summary: 'Delete a subowner; its keys end at once',
  permission: 'subowners:write',
  params: SubownerRef,
  result: DeletedSubowner,
  codes: ['SUBOWNER_NOT_DELETED', 'SUBOWNER_DELETED'],
  example: { params: { id: '906b31ce74d3fb290f38d80fd0c6bf9c' }, after: ['subowners/create'] },
  target: ({ id }) => id,
  changesRights: () => ({}),
  async run({ id }, { caller, store, audit }) {
    const subowner = await store.subowners.find(id)
    if (!subowner) return ['SUBOWNER_NOT_DELETED']
    requireOverSubowner(caller, subowner.permissions)
    await store.subowners.remove(id)
    const { username, permissions, keyId } = subowner
    audit({ username, permissions, key_id: keyId }, undefined)
    return ['SUBOWNER_DELETED', { msg: 'Deleted' }]
  },
})
