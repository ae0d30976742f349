import { closeSync, createReadStream, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import closeWithGrace from 'close-with-grace'
import { readCheckpoints } from './checkpoint.js'
import { programOf } from './cli/program.js'
import { terminalOf } from './cli/terminal.js'
import type { SecretFile, Tools } from './cli/tools.js'
import { readEnv } from './config.js'
import { failureOf } from './failures.js'
import { adminKeyFile, isInitialised } from './folder.js'
import { configOf, schemaOf, versionOf } from './program.js'
import type { Host } from './serve.js'

const gracePeriod = 8_000
const version = versionOf()
const schema = schemaOf()
const talk = terminalOf(process.stdout, process.stderr, process.env)
const { say } = talk

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

async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

const host: Host = {
  version,
  schema,
  say,
  onEnd: (end) => void closeWithGrace({ delay: gracePeriod, logger: false, skip: ['unhandledRejection'] }, end),
  onUnhandled(goesOn) {
    process.on('unhandledRejection', (error) => {
      if (!goesOn(error)) throw error
    })
  },
}

const uid = () => process.getuid?.() ?? 0

/** Loading every command and the store takes longer than most verbs that need neither. */
const work = async () => (await import('./work.js')).workOf({ uid, progress: talk.progress }, version)

const tools: Tools = {
  config: (flags) => configOf(readEnv(process.env, flags)),
  ...talk,
  readStdin,
  readFile: (path) => readFileSync(path),
  lines,
  readCheckpoints: (path) => readCheckpoints(readFileSync(path, 'utf8')),
  secretFile,
  now: () => Math.floor(Date.now() / 1000),
  exit(code) {
    process.exitCode = code
  },
  uid,
  isInitialised,
  adminKeyFile,
  examine: async (...given) => (await work()).examine(...given),
  initialise: async (...given) => (await work()).initialise(...given),
  open: async (...given) => (await work()).open(...given),
  backup: async (...given) => (await work()).backup(...given),
  restore: async (...given) => (await work()).restore(...given),
  lowerFloor: async (...given) => (await work()).lowerFloor(...given),
  rekey: async (...given) => (await work()).rekey(...given),
  migrate: async (...given) => (await work()).migrate(...given),
  move: async (...given) => (await work()).move(...given),
  openTrail: async (...given) => (await work()).openTrail(...given),
  verifyRows: async (...given) => (await work()).verifyRows(...given),
  describe: async (...given) => (await work()).describe(...given),
  serve: async (config) => (await import('./serve.js')).serve(config, host),
}

// A reader such as `head` may have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})
process.umask(0o077)
const program = programOf(tools, `${version} (schema ${schema})`)
try {
  await program.parseAsync()
  talk.progress(undefined)
} catch (error) {
  const { lines, exit } = failureOf(error)
  for (const line of lines) say(line)
  process.exitCode = exit
  if (process.argv[2] === 'serve') process.exit()
}
