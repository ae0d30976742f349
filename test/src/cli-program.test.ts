import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from 'commander'
import { programOf } from '../../src/cli/program.js'
import type { Tools } from '../../src/cli/tools.js'

/** Help needs nothing of the world. */
const untouched = new Proxy({} as Tools, {
  get(_, name) {
    throw new Error(`the help of a verb asked for ${String(name)}`)
  },
})

interface Verb {
  readonly name: string
  readonly command: Command
  readonly help: string
}

function verbsOf(command: Command, path: readonly string[] = []): Verb[] {
  if (command.commands.length > 0) return command.commands.flatMap((below) => verbsOf(below, [...path, below.name()]))
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  return [{ name: path.join(' '), command, help }]
}

const verbs = verbsOf(programOf(untouched, '0.0.0'))

test('every verb of the command line is there', () => {
  const names = new Set(verbs.map(({ name }) => name))
  const needed = [
    ...[
      'serve',
      'init',
      'call',
      'sign',
      'doctor',
      'backup',
      'restore',
      'rekey',
      'migrate',
      'floor lower',
      'openapi',
      'completion',
    ],
    ...['account create', 'account list', 'user set', 'audit verify', 'audit export', 'stats import', 'stats show'],
    ...['key create', 'key import', 'key list', 'key rotate', 'key revoke'],
  ]
  assert.deepEqual(
    needed.filter((name) => !names.has(name)),
    [],
  )
})

test('the help of every verb says what it does and shows a call that its own flags allow', () => {
  for (const { name, command, help } of verbs) {
    assert.match(help, new RegExp(`^Usage: countersign ${name}`), name)
    assert.ok(command.description().length > 10, name)
    const examples =
      help
        .split(/^Examples?:$/m)[1]
        ?.trim()
        .split('\n') ?? []
    assert.ok(
      examples.some((line) => line.includes(`countersign ${name}`)),
      `${name} has no example`,
    )
    for (const [flag] of examples.join('\n').matchAll(/(?<=\s)--[a-z][\w-]*/g))
      assert.ok(
        command.options.some(({ long }) => long === flag),
        `${name}: the example has ${flag}`,
      )
    const required = command.options.filter(({ mandatory }) => mandatory).flatMap(({ long }) => long ?? [])
    for (const flag of required) assert.ok(examples.join().includes(flag), `${name}: the example lacks ${flag}`)
  }
})

test('no flag takes a secret: an argument is seen by every user of the machine', () => {
  const flags = verbs.flatMap(({ name, command }) => command.options.map(({ flags }) => `${name} ${flags}`))
  const secrets = flags.filter((flag) => /secret|password|master|new-key|token/.test(flag))
  assert.ok(secrets.length >= 5, secrets.join())
  assert.deepEqual(
    secrets.filter((flag) => !/-file(-out)? <file>$/.test(flag)),
    [],
  )
})
