import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { launched } from '../../bench/contenders.js'
import { root } from '../support/instance.js'
import { program, removeFolder, run, temporaryFolder } from '../support/server.js'

const surrounding = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'GLIBC_TUNABLES'))

test('the program, found through links, is one process with the options that the benchmark measures', async (t) => {
  const folder = temporaryFolder()
  const linked = join(folder, 'a folder of programs')
  mkdirSync(linked)
  symlinkSync(program, join(linked, 'first'))
  symlinkSync('first', join(linked, 'countersign'))
  const child = spawn(join(linked, 'countersign'), ['serve', '--data', join(folder, 'data'), '--port', '0'], {
    env: surrounding,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const closed = new Promise((resolve) => child.once('close', resolve))
  t.after(async () => {
    // Its group: were it not one process, the other would live on.
    if (child.exitCode === null && child.pid) process.kill(-child.pid, 'SIGKILL')
    await closed
    removeFolder(folder)
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      said += chunk
      if (/listening on /.test(said)) resolve()
    })
    closed.then(() => reject(new Error(`it did not start: ${said}`)))
  })
  // The process that was started has become the gateway: a signal for it reaches the gateway itself.
  const [, ...given] = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').split('\0')
  const options = given.slice(0, given.indexOf(join(root, 'dist/src/main.js')))
  assert.deepEqual(options, launched.node)
  const environment = readFileSync(`/proc/${child.pid}/environ`, 'utf8').split('\0')
  for (const [name, value] of Object.entries(launched.env)) assert.ok(environment.includes(`${name}=${value}`), name)
  child.kill('SIGTERM')
  assert.equal(await closed, 0)
})

test('what the operator has set for the memory of the process stands', async () => {
  const asked = {
    ...surrounding,
    GLIBC_TUNABLES: 'glibc.malloc.arena_max=3',
    NODE_OPTIONS: '--import=data:text/javascript,console.log(process.env.GLIBC_TUNABLES)',
  }
  const { stdout, status } = await run(program, ['--version'], { env: asked })
  assert.equal(status, 0)
  assert.match(stdout, /^glibc\.malloc\.arena_max=3\n/)
})

test('arguments reach the program as they were given, and its exit code comes back', async () => {
  const { stderr, status } = await run(program, ['no such verb', ''])
  assert.equal(status, 2)
  assert.match(stderr, /no such verb/)
})

test('the command line of the service starts with the same', () => {
  const script = readFileSync(join(root, 'deploy/countersign.sh'), 'utf8')
  assert.ok(script.includes(`/usr/bin/node ${launched.node.join(' ')} `))
  for (const [name, value] of Object.entries(launched.env)) assert.ok(script.includes(`${name}="\${${name}-${value}}"`))
})
