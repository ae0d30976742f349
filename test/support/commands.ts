import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { Ajv, type ValidateFunction } from 'ajv'
import { nanoid } from 'nanoid'
import type { Credentials } from '../../clients/typescript/index.js'
import { gatewayCodes } from '../../schemas/codes.js'
import type { Published } from '../../src/command.js'
import { type TestInstance, type TestOptions, type TestReply, testInstance } from './instance.js'

export interface CommandInstance extends TestInstance {
  /**
   * Calls under an idempotency key of its own. Fails unless the code was declared by the command, or is the gateway's, and
   * the result is what the command's published schema says.
   */
  run(cmd: string, params?: object, by?: Credentials): Promise<TestReply>
}

const gatewayNumbers: ReadonlySet<number> = new Set(Object.values(gatewayCodes).map(({ code }) => code))

/** A gateway that closes with its test. */
export async function instanceFor(t: Pick<TestContext, 'after'>, options?: TestOptions): Promise<CommandInstance> {
  const instance = await testInstance(options)
  t.after(() => instance.close())
  const catalogue = new Map(instance.catalogue.map((published) => [published.name, published]))
  return {
    ...instance,
    async run(cmd, params = {}, by = instance.owner) {
      const reply = await instance.call(cmd, params, { by, idempotencyKey: nanoid() })
      const published = catalogue.get(cmd)
      if (published) assertContract(published, reply)
      return reply
    },
  }
}

const ajv = new Ajv({ strict: false })
const compiled = new Map<string, ValidateFunction>()

/** The compiled schema of what a command publishes, read from its JSON as a client would; each once a process. */
export function compile(schema: object): ValidateFunction {
  const text = JSON.stringify(schema)
  const validate = compiled.get(text) ?? ajv.compile(JSON.parse(text))
  compiled.set(text, validate)
  return validate
}

function assertContract({ name, codes, result }: Published, reply: TestReply): void {
  if (gatewayNumbers.has(reply.code)) {
    assert.equal(reply.result, undefined, `${name}: a refusal brings no result`)
    return
  }
  assert.ok(
    codes.some(({ code }) => code === reply.code),
    `${name} answered ${reply.code}, which it does not declare`,
  )
  if (reply.code % 2 === 0 && reply.result === undefined) return
  const validate = compile(result)
  assert.ok(validate(reply.result ?? {}), `${name}: ${JSON.stringify([reply.result, validate.errors])}`)
}

/** Where a 1422 found faults, each path once, in order. */
export const faultPaths = ({ errors = [] }: TestReply): string[] => [...new Set(errors.map(({ path }) => path))].sort()

/** Texts that no id, login or name may be, by what is wrong with them. */
export const badNames: readonly (readonly [what: string, name: string])[] = [
  ['empty', ''],
  ['a space before', ' alice'],
  ['a space after', 'alice '],
  ['a no-break space after', 'alice\u00a0'],
  ['a byte order mark before', '\ufeffalice'],
  ['a line feed after', 'alice\n'],
  ['a tab inside', 'al\tice'],
  ['an escape character', 'al\u001b[31mice'],
  ['a delete character', 'al\u007fice'],
  ['a C1 control character', 'al\u0085ice'],
  ['a line separator', 'al\u2028ice'],
  ['U+0000', 'al\u0000ice'],
]
