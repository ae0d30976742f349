import type { Command } from 'commander'
import { gatewayCodes } from '../../schemas/codes.js'
import type { Tools } from './tools.js'

export function backupVerbs(program: Command, tools: Tools): void {
  program
    .command('backup <file>')
    .description('copy the database to a new file, checked, without the master key; a server may be running')
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText('after', '\nExample:\n  countersign backup /mnt/backup/countersign-$(date +%F).db')
    .action(async (file: string, { data }: { data?: string }) => {
      const { madeAt, bytes } = await tools.backup(tools.config({ data }), file)
      tools.print(JSON.stringify({ file, made_at: madeAt, bytes }))
      tools.say(`${file} holds the database as of ${dateOf(madeAt)}; keep the master key apart from it`)
    })
  program
    .command('restore <file>')
    .description('put a backup in the place of the database, which is kept aside; the server must be stopped')
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText('after', '\nExample:\n  countersign restore /mnt/backup/countersign-2026-11-24.db')
    .action(async (file: string, { data }: { data?: string }) => {
      const { madeAt, floor, aside } = await tools.restore(tools.config({ data }), file)
      tools.print(JSON.stringify({ file, made_at: madeAt ?? null, floor, replaced: aside ?? null }))
      tools.say(`restored ${madeAt === undefined ? '' : `what was there at ${dateOf(madeAt)} `}from ${file}`)
      if (aside !== undefined) tools.say(`what was replaced is kept as ${aside}`)
      tools.say(
        `start the gateway: until ${dateOf(floor)} it answers ${gatewayCodes.OVERLOADED.code}, since what was signed before could run twice`,
      )
    })
  program
    .command('migrate')
    .description('bring the schema of the database up to this version; the server must be stopped')
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText('after', '\nExample:\n  countersign backup before.db && countersign migrate')
    .action(async ({ data }: { data?: string }) => {
      const { applied, schema } = await tools.migrate(tools.config({ data }))
      tools.print(JSON.stringify({ applied, schema }))
      tools.say(applied.length === 0 ? `nothing to do: the schema is ${schema}` : `applied ${applied.join(', ')}`)
    })
}

const dateOf = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000', '')
