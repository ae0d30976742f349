import { type Command, InvalidArgumentError } from 'commander'
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
    .command('restore [file]')
    .description(
      'put a backup in the place of the database, which is kept aside; the server must be stopped. On PostgreSQL, without a file: after the database was put back',
    )
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText('after', '\nExample:\n  countersign restore /mnt/backup/countersign-2026-11-24.db')
    .action(async (file: string | undefined, { data }: { data?: string }) => {
      const { madeAt, floor, aside } = await tools.restore(tools.config({ data }), file)
      tools.print(JSON.stringify({ file: file ?? null, made_at: madeAt ?? null, floor, replaced: aside ?? null }))
      if (file !== undefined) {
        tools.say(`restored ${madeAt === undefined ? '' : `what was there at ${dateOf(madeAt)} `}from ${file}`)
      }
      if (aside !== undefined) tools.say(`what was replaced is kept as ${aside}`)
      tools.say(
        `start the gateway: until ${dateOf(floor)} it answers ${gatewayCodes.OVERLOADED.code}, since what was signed before could run twice`,
      )
    })
  program
    .command('migrate')
    .description('bring the schema of the database up to this version; the server must be stopped')
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText(
      'after',
      '\nExamples:\n  countersign backup before.db && countersign migrate\n  countersign migrate --from sqlite:data/countersign.db --to postgres://countersign@db.example.org/countersign',
    )
    .option('--from <place>', 'copy the instance of a file, as sqlite:PATH, whose gateway is stopped')
    .option('--to <url>', 'the PostgreSQL database that --from is copied into, as postgres://...')
    .action(async ({ data, from, to }: { data?: string; from?: string; to?: string }) => {
      if (from !== undefined || to !== undefined) return moveInstance(tools, data, from, to)
      const { applied, schema } = await tools.migrate(tools.config({ data }))
      tools.print(JSON.stringify({ applied, schema }))
      tools.say(applied.length === 0 ? `nothing to do: the schema is ${schema}` : `applied ${applied.join(', ')}`)
    })
}

async function moveInstance(tools: Tools, data: string | undefined, from?: string, to?: string): Promise<void> {
  if (from === undefined || to === undefined) throw new InvalidArgumentError('--from and --to go together')
  // Told by --to; what the environment names need not be the same.
  const config = tools.config({ data, databaseUrl: to })
  const onRows = (rows: number, of: number) => tools.progress(`${bar(rows / Math.max(of, 1))} ${rows} of ${of} rows`)
  const { rows, verified } = await tools.move(config, { from, to, onRows })
  tools.progress(undefined)
  tools.print(JSON.stringify({ rows, verified }))
  tools.say(rows > 0 ? `${rows} rows copied` : 'copied before: nothing was changed')
  tools.say(`the audit trail holds in the copy (${verified} rows)`)
  tools.say('next: COUNTERSIGN_DATABASE_URL for the gateway, in this data folder; it no longer uses the file')
}

const width = 24
const bar = (share: number): string => {
  const full = Math.round(share * width)
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`
}

const dateOf = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000', '')
