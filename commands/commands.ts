import { AskCommands, Commands } from '../schemas/gateway.js'
import { mostRows } from '../schemas/types.js'
import { command } from '../src/command.js'

export default command({
  name: 'commands',
  summary: 'List the commands with their parameters, results, permissions and codes',
  permission: null,
  params: AskCommands,
  result: Commands,
  codes: ['COMMANDS_LISTED'],
  example: { params: { name: 'ping' } },
  async run({ name, page, pagesize }, { catalogue }) {
    const all = catalogue().filter((published) => name === undefined || published.name === name)
    const total = all.length
    // Clients of before there were pages ask for none, and expect every command.
    if (page === undefined && pagesize === undefined) {
      return ['COMMANDS_LISTED', { commands: [...all], paging: { page: 1, pagesize: total, total } }]
    }
    const paging = { page: page ?? 1, pagesize: pagesize ?? mostRows, total }
    const first = (paging.page - 1) * paging.pagesize
    return ['COMMANDS_LISTED', { commands: all.slice(first, first + paging.pagesize), paging }]
  },
})
