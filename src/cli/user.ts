import type { Command } from 'commander'
import { type Tools, withInstance } from './tools.js'
import { accountNumber, group, jsonObject, secretText } from './values.js'

interface SetFlags {
  readonly cdn: number
  readonly json?: string
  readonly type?: string
  readonly comment?: string
  readonly passwordFile?: string
  readonly enable?: boolean
  readonly remove?: boolean
  readonly data?: string
}

export function userVerbs(program: Command, tools: Tools): void {
  group(program, 'user', 'panel users')
    .command('set <id>')
    .description('create a panel user, change only what is given, or remove it')
    .option('--cdn <number>', 'number of the account', accountNumber, 1)
    .option('--json <object>', 'the user as a JSON object, or - to read it from stdin')
    .option('--type <type>', '1 administrator, 2 observer, 3 regular user')
    .option('--comment <text>', 'for people')
    .option('--password-file <file>', 'file with the password; one trailing newline is not part of it')
    .option('--enable', 'turn the user on')
    .option('--no-enable', 'turn the user off')
    .option('--remove', 'remove the user')
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText('after', '\nExample:\n  countersign user set alice --type 1 --password-file password.txt')
    .action(async (id: string, flags: SetFlags) => {
      const { type, comment, passwordFile, enable, remove } = flags
      const given = {
        enable,
        type,
        comment,
        password: passwordFile && secretText(tools.readFile(passwordFile)),
        remove,
      }
      const user = await jsonObject(flags.json, tools)
      for (const [name, value] of Object.entries(given)) if (value !== undefined) user[name] = value
      await withInstance(tools, { data: flags.data }, flags.cdn, 'set-user', { id, user })
    })
}
