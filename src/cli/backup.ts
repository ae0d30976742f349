import { type Command, InvalidArgumentError } from 'commander'
import { gatewayCodes } from '../../schemas/codes.js'
import type { Tools } from './tools.js'
import { requireNoPassword, secretText } from './values.js'

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
    .description('bring the schema of the database up to this version; on SQLite the server must be stopped')
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText(
      'after',
      '\nExamples:\n  countersign backup before.db && countersign migrate\n  countersign migrate --finish\n  countersign migrate --from sqlite:data/countersign.db --to-file database-url.txt',
    )
    .option('--finish', 'also take what only the version before needs: it cannot use the database afterwards')
    .option('--from <place>', 'copy the instance of a file, as sqlite:PATH, whose gateway is stopped')
    .option('--to-file <file>', 'file with the URL of the PostgreSQL database that --from is copied into')
    .option('--to <url>', 'that URL itself, without a password (default: COUNTERSIGN_DATABASE_URL)')
    .action(async (flags: MigrateFlags) => {
      const { data, from, to, toFile, finish = false } = flags
      if (from !== undefined || to !== undefined || toFile !== undefined) return moveInstance(tools, flags)
      const { applied, waiting, schema } = await tools.migrate(tools.config({ data }), finish)
      tools.print(JSON.stringify({ applied, waiting, schema }))
      tools.say(applied.length === 0 ? `nothing to do: the schema is ${schema}` : `applied ${applied.join(', ')}`)
      if (waiting.length > 0) tools.say(`left for "countersign migrate --finish": ${waiting.join(', ')}`)
    })
}

interface MigrateFlags {
  readonly finish?: boolean
  readonly data?: string
  readonly from?: string
  readonly to?: string
  readonly toFile?: string
}

const elsewhere =
  'Give the URL in a file (--to-file) or in COUNTERSIGN_DATABASE_URL, or the password in PGPASSWORD or ~/.pgpass.'

async function moveInstance(tools: Tools, { data, from, to: typed, toFile }: MigrateFlags): Promise<void> {
  requireNoPassword('--to', typed, elsewhere)
  if (typed !== undefined && toFile !== undefined) throw new InvalidArgumentError('give --to or --to-file, not both')
  const given = toFile === undefined ? typed : secretText(tools.readFile(toFile))
  const config = tools.config({ data, databaseUrl: given })
  const { databaseUrl: to } = config
  if (from === undefined || to === '') {
    throw new InvalidArgumentError('--from goes together with --to-file, --to or COUNTERSIGN_DATABASE_URL')
  }
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
