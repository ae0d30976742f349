import { Subowner, SubownerRef } from '../../schemas/subowners.js'
import { command, shownKeysOf, shownSubowner } from '../../src/command.js'

export default command({
  name: 'subowners/get',
  summary: 'Show a subowner',
  permission: 'subowners:read',
  params: SubownerRef,
  result: Subowner,
  codes: ['SUBOWNER_NOT_FOUND', 'SUBOWNER_FOUND'],
  example: { params: { id: '906b31ce74d3fb290f38d80fd0c6bf9c' }, after: ['subowners/create'] },
  target: ({ id }) => id,
  async run({ id }, context) {
    const subowner = await context.store.subowners.find(id)
    if (!subowner) return ['SUBOWNER_NOT_FOUND']
    return ['SUBOWNER_FOUND', shownSubowner(subowner, await shownKeysOf(subowner, context), context)]
  },
})
