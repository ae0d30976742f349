import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Flood, FloodAnswer, Flooded } from './flood.js'
import { compiled, launch, loadCore, newFolder, serverCore, stop } from './processes.js'

/** Users that are there before anything is measured: type 3, so that no administrator has to be looked for. */
export const users = 1_000
export type Mode = 'writes' | 'reads'

/** Somebody who answers the same requests, started afresh for each mode. */
export interface Contender {
  readonly name: 'gateway' | 'http' | 'express'
  /** What the table calls it, by mode. */
  readonly label: Readonly<Record<Mode, string>>
}

export const gateway: Contender = {
  name: 'gateway',
  label: { writes: 'Countersign: toggle-user', reads: 'Countersign: get-user' },
}
export const http: Contender = {
  name: 'http',
  label: { writes: 'node:http, grouped durable commits', reads: 'node:http, HMAC check only' },
}
export const express: Contender = {
  name: 'express',
  label: { writes: 'Express, a durable transaction a command', reads: 'Express, express.raw and HMAC check' },
}

/** How `bin/countersign` starts the gateway. The others get the same, so that programs are compared and not settings. */
export const launched = {
  node: ['--max-semi-space-size=32'],
  env: { GLIBC_TUNABLES: 'glibc.malloc.arena_max=1' },
} as const

/** A contender that listens. */
export interface Running {
  readonly contender: Contender
  readonly pid: number
  readonly port: number
  readonly apiKey: string
  readonly secret: string
  readonly folder: string
  readonly database: string
  stop(): Promise<void>
}

export interface Starting {
  /** A program to start it with, such as strace. */
  readonly under?: readonly string[]
  /** Options of node for the gateway. */
  readonly node?: readonly string[]
  /** A data folder that is there already. */
  readonly folder?: string
}

/** Starts a contender and waits until it listens. */
export async function start(contender: Contender, mode: Mode, starting: Starting = {}): Promise<Running> {
  const { under = [], node = [], folder = newFolder() } = starting
  const isGateway = contender.name === 'gateway'
  const secret = randomBytes(32).toString('base64url')
  const program = isGateway
    ? ['src/main.js', 'serve', '--data', folder, '--port', '0']
    : [`bench/references/${contender.name}.js`, mode, folder, String(users)]
  const [script = '', ...args] = program
  const options = [...launched.node, ...(isGateway ? node : [])]
  // Settings of the shell must not reach the gateway.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_')))
  const command = [...under, process.execPath, ...options, join(compiled, script), ...args]
  const child = launch(command, serverCore, { ...env, ...launched.env, BENCH_SECRET: secret })
  child.stdout?.resume()
  const port = await listening(child, contender.label[mode])
  const given = isGateway && JSON.parse(readFileSync(join(folder, 'admin-key.json'), 'utf8'))
  return {
    contender,
    pid: child.pid ?? 0,
    port,
    apiKey: isGateway ? given.api_key : 'bench',
    secret: isGateway ? given.secret : secret,
    folder,
    database: join(folder, 'countersign.db'),
    stop: () => stop(child),
  }
}

const startLimit = 20_000

function listening(child: ChildProcess, name: string): Promise<number> {
  let said = ''
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${name} ${why}:\n${said}`))
    const timer = setTimeout(() => fail('does not listen'), startLimit)
    child.stderr?.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-4_000)
      const port = /listening on http:\/\/\S+?:([0-9]+)\/control/.exec(said)?.[1]
      if (port === undefined) return
      clearTimeout(timer)
      resolve(Number(port))
    })
    child.once('error', (error) => fail(error.message))
    child.once('exit', () => fail('ended'))
  })
}

/** The process that sends more than can be served. */
export function startFlood(): { perform(job: Flood): Promise<Flooded> } {
  const child = launch([process.execPath, join(compiled, 'bench/flood.js')], loadCore, process.env)
  child.stderr?.pipe(process.stderr)
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', () => reject(new Error('the load generator ended')))
  })
  ended.catch(() => undefined)
  return {
    async perform(job) {
      const answered = new Promise<FloodAnswer>((resolve) => child.once('message', resolve))
      child.send(job)
      const answer = await Promise.race([answered, ended])
      if ('error' in answer) throw new Error(answer.error)
      return answer.flooded
    },
  }
}
