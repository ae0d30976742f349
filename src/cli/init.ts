import type { Command } from 'commander'
import { exits } from './exits.js'
import type { Tools } from './tools.js'
import { newAccountNumber } from './values.js'

export function initVerb(program: Command, tools: Tools): void {
  program
    .command('init')
    .description('create the database, the master key, an account and its owner key')
    .option('--data <dir>', 'data folder (default ./data)')
    .option('--cdn <number>', 'number of the account', newAccountNumber, 1)
    .option('--json', 'print what was made as JSON')
    .addHelpText('after', '\nExample:\n  countersign init --data ./data --cdn 158')
    .action(async ({ data, cdn, json }: { data?: string; cdn: number; json?: boolean }) => {
      const config = tools.config({ data })
      if (tools.isInitialised(config)) {
        tools.say(`${config.data} is initialised already: nothing was changed`)
        return tools.exit(exits.exists)
      }
      const key = await tools.initialise(config, cdn)
      if (!key) return tools.say(`${config.data} takes part in a database that another node has made`)
      const file = tools.adminKeyFile(config.data)
      if (json) tools.print(JSON.stringify({ cdn, api_key: key.api_key, admin_key_file: file }))
      else {
        tools.say(`initialised ${config.data}: account ${cdn}, owner key ${key.api_key}`)
        tools.say(`its secret is in ${file}; back up master.key apart from the database`)
        tools.say(`next: countersign serve --data ${config.data}`)
      }
    })
}
