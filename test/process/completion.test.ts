import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { hasPrograms, removeFolder, run, runCli, temporaryFolder } from '../support/server.js'

/** Whether a shell offers `wanted` after `typed`, and not `other`. */
const cases: readonly (readonly [typed: string, wanted: string, other: string])[] = [
  ['countersign ', 'serve', 'create'],
  ['countersign se', 'serve', 'init'],
  ['countersign key ', 'rotate', 'serve'],
  ['countersign key create --c', '--cdn', '--api-key'],
  ['countersign completion --', '--help', '--data'],
]

async function script(t: TestContext, shell: string): Promise<string> {
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  const { stdout, status, stderr } = await runCli(['completion', shell])
  assert.equal(status, 0, stderr)
  const file = join(folder, 'completion')
  writeFileSync(file, stdout)
  return file
}

test('bash completes verbs, the members of a group, and the flags of a verb', async (t) => {
  if (!hasPrograms(t, 'bash')) return
  const file = await script(t, 'bash')
  for (const [typed, wanted, other] of cases) {
    const words = typed.split(' ')
    const asked = `source ${file}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _countersign; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr } = await run('bash', ['--norc', '-c', asked])
    const offered = stdout.split('\n')
    assert.deepEqual([offered.includes(wanted), offered.includes(other)], [true, false], `${typed}: ${stdout}${stderr}`)
  }
})

test('fish completes verbs, the members of a group, and the flags of a verb', async (t) => {
  if (!hasPrograms(t, 'fish')) return
  const file = await script(t, 'fish')
  for (const [typed, wanted, other] of cases) {
    const asked = `source ${file}; complete -C '${typed}'`
    const { stdout, stderr } = await run('fish', ['--no-config', '-c', asked])
    const offered = stdout.split('\n').map((line) => line.split('\t')[0])
    assert.deepEqual([offered.includes(wanted), offered.includes(other)], [true, false], `${typed}: ${stdout}${stderr}`)
  }
})

test('zsh can read what it is given', async (t) => {
  if (!hasPrograms(t, 'zsh')) return
  const { status, stderr } = await run('zsh', ['-f', '-n', await script(t, 'zsh')])
  assert.deepEqual([status, stderr], [0, ''])
})

test('a shell that is not known is a fault of usage, and those that are known are named', async () => {
  const { status, stderr } = await runCli(['completion', 'tcsh'])
  assert.equal(status, 2)
  assert.match(stderr, /bash, zsh, fish/)
})
