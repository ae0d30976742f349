import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/instance.js'
import { removeFolder, run, temporaryFolder } from '../support/server.js'

/** Compiles only if every line is right, and every line below an "expect-error" is wrong. */
const program = `
import { Client, codes, type Reply, type SetUserParams, type ToggleUserResult } from 'countersign-client'

const gateway = new Client('https://control.example.org', { apiKey: 'ck', secret: 'cs' }, { retries: 3, timeout: 10_000 })
const params: SetUserParams = { id: 'alice', user: { type: 3, password: undefined } }
await gateway.setUser(params, { idempotencyKey: 'job-81-step-3', dryRun: true })
const toggled: Reply<ToggleUserResult> = await gateway.toggleUser({ id: 'alice' })
const enabled: boolean = toggled.result.enable
const code: 3021 = codes.USER_TOGGLED
await gateway.listUsers()
await gateway.call('my/command', { anything: [enabled, code] })
// @ts-expect-error: a parameter is missing
await gateway.toggleUser({})
// @ts-expect-error: there is no such parameter
await gateway.toggleUser({ id: 'alice', on: true })
// @ts-expect-error: a number is not a login
await gateway.toggleUser({ id: 1 })
// @ts-expect-error: there is no such member in the result
toggled.result.disabled
`

test('the types of the TypeScript client take right programs and refuse wrong ones, outside this tree', async (t) => {
  const folder = temporaryFolder()
  t.after(() => removeFolder(folder))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(join(root, 'clients/typescript'), join(folder, 'node_modules/countersign-client'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'program.ts'), program)
  const settings = [
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--exactOptionalPropertyTypes',
  ]
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const { status, stdout } = await run(process.execPath, [compiler, ...settings, 'program.ts'], { cwd: folder })
  assert.equal(status, 0, stdout)
})
