#!/usr/bin/env node
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import { commands } from '../commands/index.js'
import { gatewayCodes } from '../schemas/codes.js'
import { backup } from './backup.js'
import { publishAll } from './catalogue.js'
import { chainMacOf, headFile, readHeads } from './checkpoint.js'
import { startChores } from './chores.js'
import { programOf } from './cli/program.js'
import { terminalOf } from './cli/terminal.js'
import type { SecretFile, Tools } from './cli/tools.js'
import { configOf, instanceOn, schemaOf, surroundings, versionOf } from './compose.js'
import { type Config, ConfigError, readEnv } from './config.js'
import {
  adminKeyFile,
  databaseFile,
  initialise,
  isEmpty,
  isInitialised,
  migrateData,
  openData,
  openMaster,
} from './data.js'
import { docsPage, docsPolicy } from './docs-page.js'
import { examine } from './doctor.js'
import { failureOf } from './failures.js'
import { httpServer } from './http.js'
import { limits } from './http-parts.js'
import { serveMetrics } from './metered.js'
import { move } from './move.js'
import { openapi } from './openapi.js'
import { loadCommands } from './own-commands.js'
import { rekey } from './rekey.js'
import { restore } from './restore.js'
import { requireStartable } from './soundness.js'
import { verifyChain } from './store/audit-chain.js'
import { PendingRun } from './store/handle.js'
import { Meta } from './store/meta.js'
import { OfflineTrail } from './store/offline-trail.js'
import { watched } from './watchdog.js'

const gracePeriod = 8_000
const version = versionOf()
const talk = terminalOf(process.stdout, process.stderr, process.env)
const { say } = talk

async function serve(config: Config): Promise<void> {
  const around = surroundings(config.logLevel)
  const { logger } = around
  const fresh = !isInitialised(config)
  if (fresh) {
    if (!isEmpty(config)) {
      throw new ConfigError([
        `${config.data} is not empty and holds no Countersign data: give another folder, or run "countersign init"`,
      ])
    }
    const made = await initialise(config, 1, around)
    if (made) {
      const { cdn, api_key } = made
      say(
        `initialised ${config.data}: account ${cdn}, owner key ${api_key}, its secret is in ${adminKeyFile(config.data)}`,
      )
    } else say(`${config.data} takes part in a database that another node has made`)
  }
  if (!config.databaseUrl) requireStartable(databaseFile(config.data))
  const data = await openData(config, around)
  const floor = await new Meta(data.db).floor()
  const metrics = config.metrics && (await metricsOf())
  const instance = await instanceOn(
    data,
    config,
    around,
    { headFile: headFile(config.data), ...(metrics && { meter: metrics.meterOf }) },
    (own) => watched(own, config.stallLimit),
  )
  let draining = false
  const ready = async () => !draining && (await instance.writable())
  const onUnexpected = (error: unknown) => logger.error({ err: error }, 'unexpected')
  const { server, drain } = httpServer({
    handle: instance.handle,
    refuse: instance.refuse,
    load: instance.load,
    ready,
    methodsAt: instance.methodsAt,
    vendorPaths: config.vendorPaths,
    trustProxy: config.trustProxy,
    bodyLimit: instance.bodyLimit,
    onUntrustedProxy: (peer) => {
      logger.warn({ peer }, 'X-Forwarded-For from a peer that COUNTERSIGN_TRUST_PROXY does not list is not believed')
      instance
        .noteForwarder(peer)
        .catch((error: unknown) =>
          logger.error({ err: error }, 'that peer could not be noted for "countersign doctor"'),
        )
    },
    onUnexpected,
    // An operator's own commands are not told to strangers.
    openapi: () => JSON.stringify(openapi(publishAll(commands), version)),
    docs: () => ({ html: docsPage(publishAll(commands), version), policy: docsPolicy }),
  })
  const endChores = startChores(instance, logger)
  // A command module that uses its store too late has done no harm: its handle is dead. Anything else unhandled ends the process.
  process.on('unhandledRejection', (error) => {
    if (!(error instanceof PendingRun)) throw error
    logger.error({ err: error }, 'a command module did not await its store')
  })
  let metricsPage: Server | undefined
  closeWithGrace({ delay: gracePeriod, logger: false, skip: ['unhandledRejection'] }, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, 'unexpected: the process ends')
    else say(`${signal ?? 'end'}: finishing what was accepted`)
    draining = true
    endChores()
    metricsPage?.close()
    metricsPage?.closeAllConnections()
    await drain()
    await instance.close()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port: config.port, host: config.host, backlog: limits.backlog }, resolve)
  })
  const url = urlOf(server)
  if (metrics && config.metrics) {
    const { data: folder, metrics: listen } = config
    metricsPage = await serveMetrics({ metrics, listen, instance, folder, ready, onUnexpected })
    say(`metrics at ${urlOf(metricsPage)}/metrics`)
  }
  if (floor * 1000 >= around.now()) {
    const until = new Date((floor + 1) * 1000).toISOString()
    say(`restored, or the clock was set back: every message is answered ${gatewayCodes.OVERLOADED.code} until ${until}`)
  }
  say(`Countersign ${version} listening on ${url}/control`)
  if (fresh && existsSync(adminKeyFile(config.data)))
    say(`try it: npx countersign call ping --url ${url} --data ${config.data}`)
}

async function metricsOf() {
  const { createMetrics } = await import('./metrics.js')
  return createMetrics({ version, node: process.versions.node, schema: schemaOf() })
}

function urlOf(server: Server): string {
  const { port, address, family } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** A JSON string may hold what other readers of lines take for the end of one (U+2028). */
async function* lines(path: string): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of path === '-' ? process.stdin.setEncoding('utf8') : createReadStream(path, 'utf8')) {
    const whole = (rest + chunk).split('\n')
    rest = whole.pop() ?? ''
    yield* whole
  }
  if (rest !== '') yield rest
}

function secretFile(path: string): SecretFile {
  const descriptor = openSync(path, 'wx', 0o600)
  return {
    write(text) {
      writeSync(descriptor, text)
      fsyncSync(descriptor)
      closeSync(descriptor)
    },
    discard() {
      closeSync(descriptor)
      rmSync(path)
    },
  }
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** For what takes a while. */
const withSteps = () => ({ ...surroundings('silent'), onStep: talk.progress })

const tools: Tools = {
  config: (flags) => configOf(readEnv(process.env, flags)),
  ...talk,
  readStdin,
  readFile: (path) => readFileSync(path),
  lines,
  readHeads: (path) => readHeads(readFileSync(path, 'utf8')),
  secretFile,
  examine: (config) => examine(config, { ...surroundings('silent'), uid: tools.uid(), freeBytes }),
  now: () => Math.floor(Date.now() / 1000),
  exit(code) {
    process.exitCode = code
  },
  isInitialised,
  initialise: (config, cdn) => initialise(config, cdn, surroundings('silent')),
  adminKeyFile,
  async open(config) {
    const around = surroundings(config.logLevel === 'info' ? 'warn' : config.logLevel)
    return instanceOn(await openData(config, around), config, around)
  },
  backup: (config, file) => backup(config, file, withSteps(), tools.uid()),
  restore: (config, file) => restore(config, file, withSteps(), tools.uid()),
  rekey: (config, options) => rekey(config, surroundings('silent'), { ...options, uid: tools.uid() }),
  migrate: (config) => migrateData(config, withSteps()),
  move: (config, options) => move(config, surroundings('silent'), options),
  async openTrail(config) {
    const { db, vault, node } = await openData(config, surroundings('silent'))
    return new OfflineTrail(db, chainMacOf(vault), node, (session) => vault.refresh(session))
  },
  verifyRows: (config, rows, evidence, onRow) =>
    verifyChain(rows, evidence, chainMacOf(openMaster(config, { randomBytes })), onRow),
  async describe({ commands: folder }) {
    const own = folder ? await loadCommands(folder) : []
    return openapi(publishAll([...commands, ...own]), version)
  },
  serve,
  uid: () => process.getuid?.() ?? 0,
}

// A reader such as `head` may have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})
process.umask(0o077)
const program = programOf(tools, `${version} (schema ${schemaOf()})`)
try {
  await program.parseAsync()
  talk.progress(undefined)
} catch (error) {
  const { lines, exit } = failureOf(error)
  for (const line of lines) say(line)
  process.exitCode = exit
  if (process.argv[2] === 'serve') process.exit()
}
