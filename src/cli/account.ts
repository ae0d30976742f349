import type { Command } from 'commander'
import { type Tools, withInstance } from './tools.js'
import { accountNumber, group } from './values.js'

export function accountVerbs(program: Command, tools: Tools): void {
  group(program, 'account', 'accounts of this instance')
    .command('create')
    .description('create an account with its owner')
    .requiredOption('--cdn <number>', 'number of the account', accountNumber)
    .option('--name <name>', 'name of the account')
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText('after', '\nExample:\n  countersign account create --cdn 158')
    .action(({ cdn, name, data }: { cdn: number; name?: string; data?: string }) =>
      withInstance(tools, { data }, cdn, 'accounts/create', { account: cdn, ...(name !== undefined && { name }) }),
    )
}
