import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { signMessage } from '../../clients/typescript/index.js'
import { commands } from '../../commands/index.js'
import { codes } from '../../schemas/codes.js'
import { publishAll } from '../../src/catalogue.js'
import { openapi } from '../../src/openapi.js'
import { samples } from '../support/samples.js'
import { removeFolder, runCli, serverFor, temporaryFolder } from '../support/server.js'
import { echoModule } from '../support/vectors.js'

const published = publishAll(commands)
const description = JSON.parse(JSON.stringify(openapi(published, '1.2.3')))
const ajv = new Ajv2020({ strict: false, allErrors: true })
ajv.addSchema(description, 'openapi')
const component = (name: string) => {
  const validate = ajv.getSchema(`openapi#/components/schemas/${name.replaceAll('/', '.')}`)
  assert.ok(validate, `there is no schema ${name}`)
  return validate
}

test('the description is valid OpenAPI 3.1', async () => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate(structuredClone(description))
  assert.deepEqual([valid, validator.version], [true, '3.1'], JSON.stringify(errors))
})

test('every command has a schema of its messages that takes what the gateway takes, and no more', () => {
  for (const { name, params } of published) {
    const validate = component(`request.${name}`)
    for (const sample of samples(params, () => ['12345678', 1])) {
      const envelope = {
        timestamp: 1_795_332_418,
        idempotencyKey: 'job-81-step-3',
        dryRun: true,
        cdn: 1,
        audience: 'eu-1',
      }
      const message = JSON.parse(signMessage(name, Object(sample), { apiKey: 'k', secret: 's' }, envelope).body)
      assert.ok(validate(message), `${name}: ${JSON.stringify([message, validate.errors])}`)
      assert.ok(!validate({ ...message, cmd: 'another' }), name)
      assert.ok(!validate({ ...message, unknown: 1 }), name)
      assert.ok(!validate({ ...message, timestamp: undefined }), name)
    }
  }
})

test('every code of the gateway and every way to sign is in the description', () => {
  const { responses, parameters } = description.paths['/control'].post
  for (const { code, http } of Object.values(codes).filter((entry) => entry.code < 1600))
    assert.match(responses[http].description, new RegExp(`\\b${code} `))
  assert.equal(parameters[0].name, 'Countersign-Signature')
  assert.match(description.info.description, /countersign-reply\\n/)
})

test('what a gateway answers is what the description says; it tells strangers nothing of an operator’s own commands', async (t) => {
  const own = temporaryFolder()
  t.after(() => removeFolder(own))
  writeFileSync(join(own, 'echo.mjs'), echoModule)
  const server = await serverFor(t, { env: { COUNTERSIGN_COMMANDS: own } })
  const served = await fetch(`${server.url}/openapi.json`)
  assert.deepEqual([served.status, served.headers.get('Content-Type')], [200, 'application/json; charset=utf-8'])
  const document = JSON.parse(await served.text())
  assert.deepEqual(document, { ...description, info: document.info })

  const answers = [
    ['reply.set-user', await server.call('set-user', { id: 'alice', user: { type: 3 } }), 3011],
    ['reply.get-user', await server.call('get-user', { id: 'alice' }), 3001],
    ['reply.keys/create', await server.call('keys/create'), 6101],
    ['NotDone', await server.call('get-user', { id: 'bob' }), 3000],
    ['Refusal', await server.call('get-user', { id: 1 }), 1422],
    ['Refusal', await server.call('nothing'), 1404],
  ] as const
  for (const [name, { json, text }, code] of answers) {
    assert.equal(json?.code, code)
    const validate = component(name)
    assert.ok(validate(json), `${text}: ${JSON.stringify(validate.errors)}`)
  }

  const { stdout, status } = await runCli(['openapi'], { env: { COUNTERSIGN_COMMANDS: own } })
  assert.equal(status, 0)
  const whole = JSON.parse(stdout).components.schemas
  assert.ok(whole['request.test.echo'])
  assert.deepEqual(
    Object.keys(whole).filter((name) => !name.endsWith('.test.echo')),
    Object.keys(description.components.schemas),
  )
})
