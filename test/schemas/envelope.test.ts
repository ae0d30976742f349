import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../../commands/index.js'
import { envelopeMembers, idempotencyKeyPattern, replyMembers, timestampPattern } from '../../schemas/envelope.js'
import { Closed, type TSchema, Type } from '../../schemas/types.js'
import { register } from '../../src/catalogue.js'
import { command, ownCommand } from '../../src/command.js'

/** The names of protocol §2, written out. */
const envelope = [
  ...['cmd', 'api_key', 'timestamp', 'signature', 'idempotency_key', 'dry_run', 'cdn', 'audience'],
  ...['command', '_owner', '_timestamp', '_cmd', '_idempotency_key'],
]
const beside = ['code', 'status', 'message', 'error', 'handle_time', 'replayed', 'dry_run']

const sound = {
  name: 'sound',
  summary: 'Does nothing',
  permission: 'users:write',
  params: Closed({}) as TSchema,
  result: Closed({}) as TSchema,
  codes: ['PONG'] as ['PONG'],
  run: async () => ['PONG'] as ['PONG'],
}
const declare = (change: object) => () => command({ ...sound, ...change })
const own = (codes: Record<string, { code: number; message: string }>, change: object = {}) =>
  ownCommand({ ...sound, ...change, codes, run: async () => ['PONG'] as [string] })

test('the names of the envelope and of the reply are those of protocol §2', () => {
  assert.deepEqual([...envelopeMembers].sort(), [...envelope].sort())
  assert.deepEqual([...replyMembers].sort(), [...beside].sort())
})

test('no command can be declared with a parameter that belongs to the envelope', () => {
  for (const member of envelope) {
    assert.throws(
      declare({ params: Closed({ [member]: Type.Optional(Type.String()) }) }),
      /belongs to the envelope/,
      member,
    )
  }
  declare({ params: Closed({ Cmd: Type.String(), user: Closed({ cdn: Type.Integer() }) }) })()
})

test('no command can be declared with a result member that stands beside results', () => {
  for (const member of beside) {
    const result = Closed({ [member]: Type.Optional(Type.String()) })
    assert.throws(declare({ result }), /belongs to the reply/, member)
    assert.throws(
      declare({ result: Type.Union([Closed({}), result]) }),
      /belongs to the reply/,
      `${member} in a variant`,
    )
  }
  declare({ result: Closed({ data: Type.Array(Closed({ code: Type.Integer() })) }) })()
})

const open = Type.Object({ a: Type.String() })
const opened = Type.Object({ a: Type.String() }, { additionalProperties: true })

test('no command can be declared with parameters or a result that take what they do not list', () => {
  const schemas: Readonly<Record<string, TSchema>> = {
    'an open object': open,
    'an object that says so': opened,
    'an object with further members of a kind': Type.Object(
      { a: Type.String() },
      { additionalProperties: Type.String() },
    ),
    'an open member': Closed({ inner: open }),
    'an open element': Closed({ list: Type.Array(opened) }),
    'an open variant': Closed({ inner: Type.Union([Type.Null(), open]) }),
    'an open value of a map': Closed({ map: Type.Record(Type.String(), open) }),
    'a map': Type.Record(Type.String(), Type.String()),
    'any object': Type.Unsafe<object>({ type: 'object' }),
    'a text': Type.String(),
  }
  for (const [what, schema] of Object.entries(schemas)) {
    assert.throws(declare({ params: schema }), /^Error: command "sound": /, `${what} as parameters`)
    assert.throws(declare({ result: schema }), /^Error: command "sound": /, `${what} as result`)
  }
  assert.throws(declare({ params: Type.Union([Closed({}), open]) }), /lists its members|unknown members/)
})

test('a command has a name of lower-case words, a summary, a permission that somebody can hold, and codes', () => {
  const names = [
    '',
    'Set-user',
    'set user',
    'set--user',
    '-set',
    'set-',
    '/a',
    'a/',
    'a//b',
    '../a',
    'a\n',
    'constructor()',
    'é',
  ]
  for (const name of names) assert.throws(declare({ name }), /the name must be/, name)
  for (const name of ['ping', 'set-user', 'sevu.addstreamuser', 'keys/import', 'a2/b_c']) declare({ name })()
  const permissions = [
    '',
    'users',
    'users:',
    'users:*',
    '*',
    '*:read',
    'users:delete',
    'Users:read',
    'a:read:b',
    'a:read\n',
  ]
  for (const permission of permissions) assert.throws(declare({ permission }), /permission must be/, permission)
  for (const permission of [null, 'instance', 'device-passwords:read', 'a:write']) declare({ permission })()
  assert.throws(declare({ summary: '' }), /summary/)
  assert.throws(declare({ codes: [] }), /code/)
})

test('a command reads when its permission ends in :read or it needs none, and writes otherwise', () => {
  const reads = (permission: string | null) => declare({ permission })().reads
  assert.deepEqual(['a:read', null, 'a:write', 'instance'].map(reads), [true, true, false, false])
})

test('an operator’s own codes are whole numbers from 10000 up', () => {
  for (const code of [9999, 1403, 0, -10_001, 10_001.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    assert.throws(() => own({ DONE: { code, message: 'Done' } }), /10000 or above/, `${code}`)
  }
  own({ DONE: { code: 10_001, message: 'Done' } })
})

test('a registry refuses two commands of one name, and codes that are unknown, doubled, or never say done', () => {
  const done = { DONE: { code: 10_001, message: 'Done' } }
  assert.throws(() => register([declare({})(), declare({})()]), /declared twice/)
  assert.throws(() => register([own(done), declare({})()]), /declared twice/)
  assert.throws(() => register([...commands, own(done, { name: 'ping' })]), /declared twice/)
  assert.throws(() => register([declare({ codes: ['NO_SUCH_CODE'] })()]), /unknown code/)
  assert.throws(() => register([declare({ codes: ['constructor'] })()]), /unknown code/)
  assert.throws(() => register([declare({ codes: ['PONG', 'PONG'] })()]), /twice/)
  assert.throws(() => register([own({ ...done, ALSO: { code: 10_001, message: 'Also' } })]), /twice/)
  assert.throws(() => register([declare({ codes: ['USER_NOT_FOUND'] })()]), /says done/)
  register([...commands, own(done)])
})

test('an idempotency_key is 8 to 128 characters of its alphabet', () => {
  const pattern = new RegExp(idempotencyKeyPattern)
  for (const key of ['a'.repeat(8), 'a'.repeat(128), 'AZaz09._~:+/=-']) assert.match(key, pattern)
  for (const key of [
    '',
    'a'.repeat(7),
    'a'.repeat(129),
    'with space',
    'käsebrot',
    'aaaaaaaa\n',
    'a%20aaaaa',
    'aaaaaaa\u0000',
  ]) {
    assert.doesNotMatch(key, pattern)
  }
})

test('a timestamp is spelled in at most 11 digits without a leading zero', () => {
  for (const text of ['0', '1', '1795332418', '99999999999']) assert.match(text, timestampPattern)
  for (const text of ['', '00', '01', '-1', '+1', '1.0', '1e9', '179533241800', '1795332418 ', '١', '1795332418\n']) {
    assert.doesNotMatch(text, timestampPattern)
  }
})
