import { SavedSlice, SetSlice } from '../../schemas/slices.js'
import { command } from '../../src/command.js'

const mostSlices = 1_000

export default command({
  name: 'slices/set',
  summary: 'Make a data slice, the streams that its globs match, or give one another name and other globs',
  permission: 'slices:write',
  params: SetSlice,
  result: SavedSlice,
  codes: ['SLICE_NOT_SAVED', 'SLICE_SAVED'],
  example: { params: { id: 'sports', name: 'Sports', match: { apps: ['live'], streams: ['sports-*'] } } },
  target: ({ id }) => id,
  async run({ id, name, match }, { store, now, audit }) {
    const before = await store.slices.find(id)
    const after = { id, name, match }
    await store.slices.set(after, now)
    if (!before && (await store.slices.count()) > mostSlices) return ['SLICE_NOT_SAVED']
    audit(before, after)
    return ['SLICE_SAVED', { id, created: !before }]
  },
})
