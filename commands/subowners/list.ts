import { ListedSubowners } from '../../schemas/subowners.js'
import { Nothing } from '../../schemas/types.js'
import { command, type SecretKeyInfo, shownSubowner, subownerKeys } from '../../src/command.js'

export default command({
  name: 'subowners/list',
  summary: 'List every subowner of the account',
  permission: 'subowners:read',
  params: Nothing,
  result: ListedSubowners,
  codes: ['SUBOWNERS_LISTED'],
  example: { params: {}, after: ['subowners/create'] },
  async run(_params, context) {
    const keysOf = new Map<string, SecretKeyInfo[]>()
    for (const key of await subownerKeys(context)) {
      const keys = keysOf.get(key.principal.id)
      if (keys) keys.push(key)
      else keysOf.set(key.principal.id, [key])
    }
    const subowners = await context.store.subowners.list()
    const shown = subowners.map((subowner) => shownSubowner(subowner, keysOf.get(subowner.id) ?? [], context))
    return ['SUBOWNERS_LISTED', { subowners: shown }]
  },
})
