import type { Command } from 'commander'
import type { ListedAccounts } from '../../schemas/accounts.js'
import type { Static } from '../../schemas/types.js'
import type { LocalOutcome } from '../instance.js'
import { type Look, table } from './table.js'
import { type Tools, withInstance, withWholeList } from './tools.js'
import { accountNumber, group, jsonFlag } from './values.js'

export function accountVerbs(program: Command, tools: Tools): void {
  const account = group(program, 'account', 'accounts of this instance')
  account
    .command('list')
    .description('list the accounts: a table on a terminal, tab-separated lines elsewhere')
    .option('--data <dir>', 'data folder (default ./data)')
    .option(...jsonFlag)
    .addHelpText('after', '\nExample:\n  countersign account list')
    .action(({ data, json }: { data?: string; json?: boolean }) =>
      withWholeList(tools, { data }, 1, 'accounts/list', 'accounts', (outcome) =>
        json ? outcome : listed(outcome, tools),
      ),
    )
  account
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

function listed(outcome: LocalOutcome, look: Look): LocalOutcome | string {
  if (!outcome.done) return outcome
  const { accounts }: Static<typeof ListedAccounts> = Object(outcome.result)
  const rows = accounts.map(({ account, name, enable }) => [account, name, enable ? 'on' : 'off'])
  return table(['account', 'name', 'state'], rows, look)
}
