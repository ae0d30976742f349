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
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { commands } from '../commands/index.js'
import { gatewayCodes } from '../schemas/codes.js'
import { backup, FileExists } from './backup.js'
import { publishAll } from './catalogue.js'
import { chainMacOf, headFile, readHeads } from './checkpoint.js'
import { startChores } from './chores.js'
import { accountVerbs } from './cli/account.js'
import { auditVerbs } from './cli/audit.js'
import { backupVerbs } from './cli/backup.js'
import { callVerb } from './cli/call.js'
import { completionVerb } from './cli/completion.js'
import { doctorVerb } from './cli/doctor.js'
import { exits } from './cli/exits.js'
import { initVerb } from './cli/init.js'
import { keyVerbs } from './cli/key.js'
import { openapiVerb } from './cli/openapi.js'
import { rekeyVerb } from './cli/rekey.js'
import { serveVerb } from './cli/serve.js'
import { signVerb } from './cli/sign.js'
import { statsVerbs } from './cli/stats.js'
import type { SecretFile, Tools } from './cli/tools.js'
import { userVerbs } from './cli/user.js'
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
import { httpServer } from './http.js'
import { serveMetrics } from './metered.js'
import { createMetrics } from './metrics.js'
import { move } from './move.js'
import { openapi } from './openapi.js'
import { loadCommands } from './own-commands.js'
import { rekey } from './rekey.js'
import { restore } from './restore.js'
import { requireStartable, UnsoundFile } from './soundness.js'
import { verifyChain } from './store/audit-chain.js'
import { StorageError } from './store/db.js'
import { FolderInUse } from './store/folder-lock.js'
import { PendingRun } from './store/handle.js'
import { Meta } from './store/meta.js'
import { NewerSchema } from './store/migrate.js'
import { OfflineTrail } from './store/offline-trail.js'
import { watched } from './watchdog.js'

const gracePeriod = 8_000
const version = versionOf()

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
  const metrics = config.metrics && createMetrics({ version, node: process.versions.node, schema: schemaOf() })
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
    bodyLimit: config.bodyLimit,
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
    server.listen(config.port, config.host, resolve)
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

function urlOf(server: Server): string {
  const { port, address, family } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

const say = (text: string) => void process.stderr.write(`countersign: ${text}\n`)

/** JSON in which nothing is left that some terminal, or reader of lines, takes for an instruction; JSON.stringify leaves these. */
const forTerminals = (json: string): string =>
  json.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** Writes over the line before on a terminal, and nothing elsewhere. */
function progress(text: string | undefined): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text === undefined ? '' : `countersign: ${text}`}\x1b[K`)
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

const tools: Tools = {
  config: (flags) => configOf(readEnv(process.env, flags)),
  print: (text) => void process.stdout.write(`${forTerminals(text)}\n`),
  say,
  readStdin,
  readFile: (path) => readFileSync(path),
  terminal: process.stdout.isTTY === true,
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
  backup: (config, file) => backup(config, file, surroundings('silent'), tools.uid()),
  restore: (config, file) => restore(config, file, surroundings('silent'), tools.uid()),
  rekey: (config, options) => rekey(config, surroundings('silent'), { ...options, uid: tools.uid() }),
  migrate: (config) => migrateData(config, surroundings('silent')),
  move: (config, options) => move(config, surroundings('silent'), options),
  async openTrail(config) {
    const { db, vault, node } = await openData(config, surroundings('silent'))
    return new OfflineTrail(db, chainMacOf(vault), node)
  },
  verifyRows: (config, rows, evidence, onRow) =>
    verifyChain(rows, evidence, chainMacOf(openMaster(config, { randomBytes })), onRow),
  async describe({ commands: folder }) {
    const own = folder ? await loadCommands(folder) : []
    return openapi(publishAll([...commands, ...own]), version)
  },
  progress,
  serve,
  uid: () => process.getuid?.() ?? 0,
}

const listening = (error: object): string =>
  'address' in error && 'port' in error ? `${error.address}:${error.port}` : 'this address'

/** What a start-up error means to the person in front of it. */
function explain(error: unknown): number {
  // One that a verb throws; commander has told of its own.
  if (error instanceof InvalidArgumentError) say(error.message)
  else if (error instanceof CommanderError) return error.exitCode === 0 ? exits.done : exits.usage
  else if (error instanceof ConfigError) for (const fault of error.faults) say(fault)
  else if (error instanceof NewerSchema || error instanceof FolderInUse || error instanceof FileExists)
    say(error.message)
  else if (error instanceof UnsoundFile) {
    say(`${error.message}: this is no sound database of Countersign, and nothing was changed`)
    say('what to do: docs/operations.md, "A damaged database"; "countersign restore FILE" puts a backup in its place')
  } else if (error instanceof StorageError) say(`the storage failed (${error.kind}): ${error.message}`)
  else if (isStorage(error)) {
    say(`the storage failed: ${error.message}`)
    say(
      'what to do: see that the disk of the data folder has room and can be written; "countersign doctor" looks it over',
    )
  } else if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
    say(`${listening(error)} is in use: stop what listens there, or give another --port or COUNTERSIGN_METRICS`)
  else if (error instanceof Error && 'code' in error) say(error.message)
  else say(error instanceof Error ? (error.stack ?? error.message) : String(error))
  if (error instanceof InvalidArgumentError) return exits.usage
  if (error instanceof FolderInUse || error instanceof StorageError || isStorage(error)) return exits.unavailable
  if (error instanceof FileExists) return exits.exists
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return exits.notFound
  return error instanceof ConfigError || error instanceof NewerSchema ? exits.configuration : exits.notDone
}

/** What SQLite or the file system says of a disk, before there is a gateway to say it with a code. */
const isStorage = (error: unknown): error is Error =>
  error instanceof Error &&
  'code' in error &&
  /^(SQLITE_(IOERR|FULL|READONLY|CANTOPEN|BUSY|PERM|AUTH|NOMEM|PROTOCOL)|EROFS|ENOSPC|EIO|EDQUOT)/.test(
    String(error.code),
  )

// A reader such as `head` may have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})
process.umask(0o077)
const program = new Command('countersign')
  .description('Signed command gateway: every signed command takes effect at most once and is never lost')
  .version(`${version} (schema ${schemaOf()})`)
  .exitOverride()
  .showSuggestionAfterError()
for (const verb of [
  serveVerb,
  initVerb,
  callVerb,
  signVerb,
  accountVerbs,
  auditVerbs,
  keyVerbs,
  userVerbs,
  statsVerbs,
  doctorVerb,
  openapiVerb,
  backupVerbs,
  rekeyVerb,
  completionVerb,
])
  verb(program, tools)
try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = explain(error)
  if (process.argv[2] === 'serve') process.exit()
}
