import { SliceRef } from '../../schemas/slices.js'
import { Nothing } from '../../schemas/types.js'
import { command } from '../../src/command.js'

export default command({
  name: 'slices/remove',
  summary: 'Remove a data slice that nobody is assigned',
  permission: 'slices:write',
  params: SliceRef,
  result: Nothing,
  codes: ['SLICE_NOT_REMOVED', 'SLICE_ASSIGNED', 'SLICE_REMOVED'],
  example: { params: { id: 'sports' }, after: ['slices/set'] },
  target: ({ id }) => id,
  async run({ id }, { store, audit }) {
    const before = await store.slices.find(id)
    if (!before) return ['SLICE_NOT_REMOVED']
    // Whoever has no other slice would be limited by none.
    if (await store.scopes.isAssigned('slices', id)) return ['SLICE_ASSIGNED']
    await store.slices.remove(id)
    audit(before, undefined)
    return ['SLICE_REMOVED']
  },
})
