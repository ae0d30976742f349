import type { Command } from 'commander'
import { type Tools, withInstance } from './tools.js'
import { accountNumber, group, secretText } from './values.js'

interface ImportFlags {
  readonly cdn: number
  readonly apiKey: string
  readonly secretFile: string
  readonly data?: string
}

export function keyVerbs(program: Command, tools: Tools): void {
  group(program, 'key', 'keys that sign')
    .command('import')
    .description('let credentials that a vendor gave out go on working, as an owner key of an account')
    .requiredOption('--cdn <number>', 'number of the account', accountNumber)
    .requiredOption('--api-key <id>', 'the public id')
    .requiredOption('--secret-file <file>', 'file with the secret; one trailing newline is not part of it')
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText(
      'after',
      '\nExample:\n  countersign key import --cdn 158 --api-key APX4GKLM0RKQ --secret-file secret.txt',
    )
    .action(({ cdn, apiKey, secretFile, data }: ImportFlags) => {
      const secret = secretText(tools.readFile(secretFile))
      return withInstance(tools, { data }, cdn, 'keys/import', { key: apiKey, secret, account: cdn })
    })
}
