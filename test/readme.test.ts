import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { type TestContext, test } from 'node:test'
import { root } from './support/instance.js'
import { hasPrograms, removeFolder, run, temporaryFolder } from './support/server.js'

/** A fenced block of the README. */
interface Fence {
  readonly language: string
  readonly text: string
}

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const printedAddress = '127.0.0.1:8420'
/** Under what name the README says to save a program. */
const programs = { php: 'client.php', python: 'client.py' }
const separator = '-- end of an example, status '

/** Every fence, with the one change that the test makes to the text: the gateway's address. */
function fences(address: string): Fence[] {
  const text = readme.replaceAll(printedAddress, address)
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', block = '']) => ({
    language,
    text: block,
  }))
}

/** A copy of the tree as a clone would be after `npm start` has installed and compiled. */
function clone(): string {
  const folder = temporaryFolder()
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  const files = listed.toString().split('\0')
  for (const file of files.filter((name) => name !== '' && existsSync(join(root, name)))) {
    cpSync(join(root, file), join(folder, file))
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const unneeded = ['test', 'bench'].map((name) => join(root, 'dist', name))
  const needed = (path: string) => !unneeded.some((place) => path === place || path.startsWith(place + sep))
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true, filter: needed })
  // Neither installed nor compiled again: that takes minutes, and this run has done both.
  utimesSync(join(folder, 'package-lock.json'), 0, 0)
  utimesSync(join(folder, 'dist/.tsbuildinfo'), new Date(), new Date())
  return folder
}

interface Started {
  readonly address: string
  readonly log: string
  /** Ctrl-C: SIGINT to the whole process group, as a terminal does. */
  interrupt(): Promise<unknown>
}

/** Runs the README's start command on a port that nobody uses; npm may not reach the network from here on. */
async function start(t: TestContext, folder: string, command: string): Promise<Started> {
  const child: ChildProcess = spawn('sh', ['-c', command], {
    cwd: folder,
    env: environment(folder, '0'),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const signal = (name: NodeJS.Signals) => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, name)
  }
  t.after(() => signal('SIGKILL'))
  const closed = new Promise((resolve) => child.once('close', resolve))
  let log = ''
  const address = await new Promise<string>((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (chunk) => {
      log += chunk
      const [, found] = /listening on http:\/\/(\S+)\/control\n/.exec(log) ?? []
      if (found !== undefined) resolve(found)
    })
    child.once('close', () => reject(new Error(`"${command.trim()}" did not start a gateway:\n${log}`)))
  })
  return {
    address,
    log,
    interrupt() {
      signal('SIGINT')
      return closed
    },
  }
}

function environment(folder: string, port: string): Record<string, string> {
  const surrounding = Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_'))
  const npm = { npm_config_cache: join(folder, '.npm'), npm_config_offline: 'true' }
  return { ...Object.fromEntries(surrounding), ...npm, COUNTERSIGN_PORT: port }
}

/** The text as a pattern: an ellipsis stands for what differs from run to run. */
const pattern = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '[^",\\n]+')

test('the examples of the README, run in order and exactly as printed, print what it says', async (t) => {
  if (!hasPrograms(t, 'git', 'curl', 'openssl', 'awk')) return
  const folder = clone()
  t.after(() => removeFolder(folder))
  const [startFence] = fences(printedAddress)
  assert.deepEqual(startFence, { language: 'sh', text: 'npm start\n' })
  const { address, log, interrupt } = await start(t, folder, startFence.text)
  const [, promised, ...blocks] = fences(address)
  await t.test('npm start', () => assert.match(log, new RegExp(`^${pattern(promised?.text ?? '')}`, 'm')))

  for (const [language, file] of Object.entries(programs)) {
    for (const { text } of blocks.filter((block) => block.language === language)) {
      writeFileSync(join(folder, file), text)
    }
  }
  const examples = blocks.flatMap((block, index) =>
    block.language === 'sh' ? [{ text: block.text, expected: blocks[index + 1]?.text ?? '' }] : [],
  )
  assert.ok(examples.length >= 6, 'the README has lost its examples')
  // One shell runs them all: what an example sets, the next one uses.
  const script = examples.map(({ text }) => `${text}printf '%s%s\\n' '${separator}' "$?"\n`).join('')
  const [, port = ''] = address.split(':')
  const { stdout, stderr } = await run('sh', ['-c', script], { cwd: folder, env: environment(folder, port) })
  const printed = stdout.split(separator)
  for (const [index, { text, expected }] of examples.entries()) {
    await t.test(`the example that ends in: ${text.trim().split('\n').at(-1)}`, (example) => {
      const [program = ''] = text.split(' ')
      if (text.includes(' client.') && !hasPrograms(example, program)) return
      // What is before a separator is this example's; the status that ended the one before stands first in it.
      const output = (printed[index] ?? '').replace(index === 0 ? '' : /^\d+\n/, '')
      assert.match(output, new RegExp(`^${pattern(expected)}$`), stderr)
      assert.match(printed[index + 1] ?? '', /^0\n/, stderr)
    })
  }
  await t.test('Ctrl-C ends it', async () => {
    await interrupt()
    await assert.rejects(fetch(`http://${address}/healthz`))
  })
})
