import { ListedSlices } from '../../schemas/slices.js'
import { Nothing } from '../../schemas/types.js'
import { command, isHeld, scopeOf, shownSlice } from '../../src/command.js'

export default command({
  name: 'slices/list',
  summary: 'List the data slices of the account, or those that you were assigned',
  permission: 'slices:read',
  params: Nothing,
  result: ListedSlices,
  codes: ['SLICES_LISTED'],
  example: { params: {}, after: ['slices/set'] },
  async run(_params, context) {
    const held = (await scopeOf(context))?.slices ?? []
    const slices = await context.store.slices.list()
    return ['SLICES_LISTED', { slices: slices.filter(({ id }) => isHeld(held, id)).map(shownSlice) }]
  },
})
