import { You } from '../schemas/gateway.js'
import { Nothing } from '../schemas/types.js'
import { command } from '../src/command.js'

export default command({
  name: 'whoami',
  summary: 'Tell who signs: account, principal, permissions, key and address',
  permission: null,
  params: Nothing,
  result: You,
  codes: ['WHOAMI'],
  example: { params: {} },
  async run(_params, { caller }) {
    const { account, principal, permissions, keyId, address } = caller
    return ['WHOAMI', { cdn: account, principal, permissions: [...permissions], key_id: keyId, address }]
  },
})
