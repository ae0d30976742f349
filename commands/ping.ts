import { Pong } from '../schemas/gateway.js'
import { Nothing } from '../schemas/types.js'
import { command } from '../src/command.js'

export default command({
  name: 'ping',
  summary: 'Check that the gateway answers and that your signature is right',
  permission: null,
  params: Nothing,
  result: Pong,
  codes: ['PONG'],
  example: { params: {} },
  async run() {
    return ['PONG', { pong: true }]
  },
})
