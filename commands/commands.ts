import { AskCommands, Commands } from '../schemas/gateway.js'
import { command } from '../src/command.js'

export default command({
  name: 'commands',
  summary: 'List the commands with their parameters, results, permissions and codes',
  permission: null,
  params: AskCommands,
  result: Commands,
  codes: ['COMMANDS_LISTED'],
  example: { params: { name: 'ping' } },
  async run({ name }, { catalogue }) {
    const commands = catalogue().filter((published) => name === undefined || published.name === name)
    return ['COMMANDS_LISTED', { commands: [...commands] }]
  },
})
