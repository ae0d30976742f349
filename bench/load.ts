import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { launch, loadCore, newFolder } from './processes.js'
import { type Job, writeRequests } from './requests.js'

/** What came of a turn. */
export interface Report {
  /** Replies that said success within the time measured. */
  readonly done: number
  /** Every reply that said success, those that came after the time included. */
  readonly succeeded: number
  readonly failed: number
  readonly firstFailure: string
  /** Requests that may have reached the contender; more than were answered where the tool breaks off. */
  readonly sent: number
  /** Connections that failed, and replies that never came. */
  readonly broken: number
  /** Whether requests were used up before the end: it was faster than expected, and measured for a shorter time. */
  readonly ranOut: boolean
  /** Seconds measured. */
  readonly seconds: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** How busy the load generator was, 0 to 1: near 1 it was the bottleneck. */
  readonly busy: number
}

export interface Load {
  /** What a table says it was. */
  readonly tool: string
  /** Signs what a turn sends; what it answers sends it. One turn of a load at a time. */
  prepare(job: Job): () => Promise<Report>
  perform(job: Job): Promise<Report>
}

/** Seconds that replies may be late. */
const patience = 20

/** wrk where it is installed, else autocannon: it is slower, and may be what is measured. */
export function startLoad(): Load {
  const found = spawnSync('wrk', ['-v'], { encoding: 'utf8' })
  const version = /^wrk (?:debian\/)?([0-9.]+)/.exec(found.stdout ?? '')?.[1]
  const file = join(newFolder(), 'requests')
  const tool = version && process.env.BENCH_TOOL !== 'autocannon' ? wrk : autocannon
  function prepare(job: Job): () => Promise<Report> {
    writeRequests(file, job)
    return async () => {
      const said = await output(tool(job, file))
      const report = /^REPORT (.*)$/m.exec(said)?.[1]
      if (report === undefined) throw new Error(`the load generator told nothing: ${said.slice(0, 1_000)}`)
      return JSON.parse(report)
    }
  }
  return {
    tool: tool === wrk ? `wrk ${version}` : 'autocannon',
    prepare,
    perform: async (job) => prepare(job)(),
  }
}

const source = join(import.meta.dirname, '..', '..', 'bench')

function wrk({ port, connections, seconds, once }: Job, file: string): string[] {
  const limits = ['-t1', `-c${connections}`, `-d${Math.ceil(seconds) + patience}s`, '--timeout', `${patience}s`]
  const url = `http://127.0.0.1:${port}/control`
  return ['wrk', ...limits, '-s', join(source, 'wrk.lua'), url, '--', file, String(seconds), once ? 'once' : 'again']
}

function autocannon({ port, connections, seconds, once }: Job, file: string): string[] {
  const program = join(import.meta.dirname, 'autocannon.js')
  return [process.execPath, program, String(port), String(connections), String(seconds), once ? 'once' : 'again', file]
}

function output(command: readonly string[]): Promise<string> {
  const child = launch(command, loadCore, process.env)
  let said = ''
  child.stdout?.on('data', (chunk) => {
    said += chunk
  })
  child.stderr?.on('data', (chunk) => {
    said += chunk
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve(said))
  })
}
