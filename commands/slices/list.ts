import { ListedSlices, ListSlices } from '../../schemas/slices.js'
import { command, scopeOf, shownSlice } from '../../src/command.js'

export default command({
  name: 'slices/list',
  summary: 'List the data slices of the account, or those that you were assigned',
  permission: 'slices:read',
  params: ListSlices,
  result: ListedSlices,
  codes: ['SLICES_LISTED'],
  example: { params: {}, after: ['slices/set'] },
  async run({ page, pagesize }, context) {
    const held = (await scopeOf(context))?.slices ?? []
    const { slices, total } = await context.store.slices.page(held, page, pagesize)
    return ['SLICES_LISTED', { slices: slices.map(shownSlice), paging: { page, pagesize, total } }]
  },
})
