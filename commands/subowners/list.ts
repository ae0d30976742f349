import { ListedSubowners, ListSubowners } from '../../schemas/subowners.js'
import { allSubowners, command, shownSubowners } from '../../src/command.js'

export default command({
  name: 'subowners/list',
  summary: 'List the subowners of the account',
  permission: 'subowners:read',
  params: ListSubowners,
  result: ListedSubowners,
  codes: ['SUBOWNERS_LISTED'],
  example: { params: {}, after: ['subowners/create'] },
  async run({ page, pagesize, all = false }, context) {
    if (all) return ['SUBOWNERS_LISTED', { subowners: await allSubowners(context) }]
    const { subowners, total } = await context.store.subowners.page(page, pagesize)
    const shown = await shownSubowners(subowners, context)
    return ['SUBOWNERS_LISTED', { subowners: shown, paging: { page, pagesize, total } }]
  },
})
