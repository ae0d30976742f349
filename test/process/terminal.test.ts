import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { hasPrograms, main, removeFolder, run, runCli, temporaryFolder } from '../support/server.js'

const folder = temporaryFolder()
test.after(() => removeFolder(folder))
const data = join(folder, 'data')
await runCli(['init', '--data', data])

const visible = (text: string) => text.replaceAll('\x1b', '^')

/** What a verb shows on a terminal, on stdout and stderr together. */
async function shown(t: TestContext, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  if (!hasPrograms(t, 'script')) return undefined
  const command = [process.execPath, main, ...args, '--data', data].join(' ')
  const { status, stdout } = await run('script', ['-qec', command, '/dev/null'], { env: { TERM: 'xterm', ...env } })
  assert.equal(status, 0, stdout)
  return visible(stdout)
}

test('a listing has a coloured head and columns on a terminal, no colour with NO_COLOR or a dumb one, and tabs in a pipe', async (t) => {
  const args = ['key', 'list']
  const piped = await runCli([...args, '--data', data])
  const [head = '', row = ''] = piped.stdout.trimEnd().split('\n')
  assert.deepEqual(head.split('\t').slice(0, 3), ['key', 'state', 'permissions'])
  assert.match(row, /^ck_\S+\ton\t\*,instance\t\t\t\tmade by init$/)
  const [coloured, plain, dumb] = await Promise.all([
    shown(t, args),
    shown(t, args, { NO_COLOR: '1' }),
    shown(t, args, { TERM: 'dumb' }),
  ])
  if (coloured === undefined || plain === undefined) return
  assert.ok(coloured.startsWith('^[1mkey '), JSON.stringify(coloured))
  assert.equal(coloured.replaceAll(/\^\[\d+m/g, ''), plain)
  assert.ok(!plain.includes('^') && !plain.includes('\t'))
  assert.equal(dumb, plain)
})

test('long work tells on a terminal what it is at, in a line that goes again, and in a pipe it does not', async (t) => {
  const piped = await runCli(['backup', join(folder, 'piped.db'), '--data', data])
  assert.equal(piped.status, 0)
  assert.ok(!/[\r^]/.test(visible(piped.stderr)) && !piped.stderr.includes('…'), piped.stderr)
  const seen = await shown(t, ['backup', join(folder, 'seen.db')])
  if (seen === undefined) return
  const steps = [...seen.matchAll(/\rcountersign: ([a-z ]+)[^\r\n]* …\^\[K/g)].map(([, step]) => step)
  assert.deepEqual(steps, ['copying ', 'checking every page of the copy', 'bringing it to disk'])
  // What follows begins on a cleared line.
  assert.match(seen, /…\^\[K\r\^\[K\{"file":.*\}\r\n/)
})
