import { type Command, Option } from 'commander'
import type { Instance } from '../instance.js'
import { Refusal } from '../refusal.js'
import { exitOf, exits } from './exits.js'
import { table } from './table.js'
import type { Tools } from './tools.js'
import { accountNumber, group } from './values.js'

interface Flags {
  readonly cdn: number
  readonly data?: string
  readonly server?: string
}

interface ShowFlags extends Flags {
  readonly slice?: string
  readonly by: string
}

export function statsVerbs(program: Command, tools: Tools): void {
  const stats = group(program, 'stats', 'statistics of media servers')
  stats
    .command('import <file>')
    .description('take samples from a file, one JSON object a line, or from stdin for -')
    .option('--cdn <number>', 'number of the account', accountNumber, 1)
    .option('--server <id>', 'the media server of lines that name none as "server"')
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText('after', '\nExample:\n  countersign stats import samples.ndjson --server edge-1')
    .action((file: string, flags: Flags) => importSamples(tools, file, flags))
  stats
    .command('show')
    .description('print the last minute: a table on a terminal, tab-separated lines elsewhere')
    .option('--cdn <number>', 'number of the account', accountNumber, 1)
    .addOption(
      new Option('--by <what>', 'what each line is of').choices(['server', 'app', 'stream', 'slice']).default('server'),
    )
    .option('--server <id>', 'only this media server')
    .option('--slice <id>', 'only this data slice')
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText('after', '\nExample:\n  countersign stats show --by stream --server edge-1')
    .action((flags: ShowFlags) => show(tools, flags))
}

const samplesAtOnce = 1_000

/** Samples of one server that wait to be taken, each with its line. */
interface Waiting {
  readonly samples: object[]
  readonly lines: number[]
}

async function importSamples(tools: Tools, file: string, { data, cdn, server: otherwise }: Flags): Promise<void> {
  const instance = await tools.open(tools.config({ data }))
  const done = { lines: 0, accepted: 0, repeated: 0 }
  const waiting = new Map<string, Waiting>()
  const take = async (server: string, { samples, lines }: Waiting): Promise<void> => {
    waiting.delete(server)
    const taken = await report(tools, instance, cdn, server, samples, lines)
    done.accepted += taken.accepted
    done.repeated += taken.repeated
    tools.progress(`${done.lines} lines read, ${done.accepted} samples taken, ${done.repeated} repeated`)
  }
  try {
    for await (const line of tools.lines(file)) {
      done.lines++
      if (line.trim() === '') continue
      const { server = otherwise, ...sample } = sampleIn(line, done.lines)
      if (typeof server !== 'string')
        throw new Stopped(`line ${done.lines} names no server: give it, or --server`, exits.usage)
      const batch = waiting.get(server) ?? { samples: [], lines: [] }
      waiting.set(server, batch)
      batch.samples.push(sample)
      batch.lines.push(done.lines)
      if (batch.samples.length === samplesAtOnce) await take(server, batch)
    }
    for (const [server, batch] of [...waiting]) await take(server, batch)
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
    tools.progress(undefined)
    tools.say(error.message)
    tools.say(
      'what was taken before stays; mend the file and import it again: samples that are there count as repeated',
    )
    tools.exit(error.exit)
  } finally {
    tools.progress(undefined)
    await instance.close()
  }
  tools.print(JSON.stringify(done))
}

/** Why an import went no further. */
class Stopped extends Error {
  constructor(
    message: string,
    readonly exit: number,
  ) {
    super(message)
  }
}

function sampleIn(line: string, number: number): Record<string, unknown> {
  try {
    const value = JSON.parse(line)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Said below, together with what is JSON but no object.
  }
  throw new Stopped(`line ${number} is no JSON object`, exits.notDone)
}

async function report(
  tools: Tools,
  instance: Instance,
  account: number,
  server: string,
  samples: object[],
  lines: readonly number[],
): Promise<{ accepted: number; repeated: number }> {
  try {
    const outcome = await instance.local('stats/report', { server, samples }, { account, uid: tools.uid() })
    if (outcome.done) return { accepted: 0, repeated: 0, ...outcome.result }
    throw new Stopped(`${server}: ${outcome.message}`, exitOf(outcome.code))
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const faults = (error.detail.errors ?? []).slice(0, 10).map(({ path, message }) => inFile(path, message, lines))
    throw new Stopped(faults.join('\n') || error.message, exits.notDone)
  }
}

/** A fault of a message, `/samples/3/time`, as one of the file. */
function inFile(path: string, message: string, lines: readonly number[]): string {
  const [, , index, ...rest] = path.split('/')
  const line = lines[Number(index)]
  return line === undefined ? `${path} ${message}` : `line ${line}: ${rest.join('/') || 'the sample'} ${message}`
}

const columns = ['connections', 'bytes_in', 'bytes_out', 'viewers'] as const

async function show(tools: Tools, { data, cdn, by, server, slice }: ShowFlags): Promise<void> {
  const instance = await tools.open(tools.config({ data }))
  try {
    const asked = { group_by: by, ...(server !== undefined && { server }), ...(slice !== undefined && { slice }) }
    const { code, done, message, result } = await instance.local('stats/realtime', asked, {
      account: cdn,
      uid: tools.uid(),
    })
    tools.exit(exitOf(code))
    if (!done) return tools.say(message)
    const { totals, rows } = Object(result)
    const cells = (row: object): number[] => columns.map((column) => Number(Reflect.get(row, column)))
    const lines = rows.map((row: { group: string }) => [row.group, ...cells(row)])
    // A program adds up for itself.
    const all = tools.terminal ? [['all', ...cells(totals)]] : []
    tools.print(table([by, ...columns], [...lines, ...all], tools))
  } finally {
    await instance.close()
  }
}
