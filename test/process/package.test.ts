import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { send } from '../../clients/typescript/index.js'
import { root } from '../support/instance.js'
import { type Installed, installPacked } from '../support/packed.js'
import { removeFolder, run } from '../support/server.js'

let installed: Installed
before(async () => {
  installed = await installPacked()
})
after(() => removeFolder(join(installed.folder, '..')))

const embedding = readFileSync(join(root, 'docs/embedding.md'), 'utf8')

/** The example of the documents whose first line says that it is to be saved under this name. */
function printed(name: string): string {
  const [, text = ''] = new RegExp(`^\`\`\`\\w+\\n(// ${name}\\n.*?)^\`\`\`$`, 'ms').exec(embedding) ?? []
  assert.notEqual(text, '', `docs/embedding.md no longer has ${name}`)
  return text
}

/** Starts a program in the folder of the package, and waits until it says where it listens. */
async function listening(args: readonly string[], env: Record<string, string>, t: { after(end: () => unknown): void }) {
  const [program = '', ...rest] = args
  const child = spawn(program, rest, { cwd: installed.folder, env: { ...process.env, ...env } })
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        said += chunk
        const [, found] = /listening on (http:\/\/[^/\s,]+)/.exec(said) ?? []
        if (found) resolve(found)
      })
    }
    closed.then(() => reject(new Error(`${args.join(' ')} did not start:\n${said}`)))
  })
  return {
    url,
    end() {
      child.kill('SIGTERM')
      return closed
    },
  }
}

const now = () => ({ timestamp: Math.floor(Date.now() / 1000) })

const keyIn = (folder: string) => {
  const { api_key: apiKey, secret } = JSON.parse(readFileSync(join(installed.folder, folder, 'admin-key.json'), 'utf8'))
  return { apiKey, secret }
}

test('the package holds the program, its migrations, its documents and deploy/, and neither tests nor sources', () => {
  const { files } = installed
  for (const needed of [
    'bin/countersign',
    'dist/src/main.js',
    'dist/src/index.d.ts',
    'schemas/catalogue.json',
    'deploy/nginx.conf',
  ]) {
    assert.ok(files.includes(needed), `${needed} is missing`)
  }
  assert.deepEqual(
    files.filter((name) => /^(dist\/)?(test|bench)\/|(?<!\.d)\.ts$|tsbuildinfo$/.test(name)),
    [],
  )
})

test('the package pins what a registry installs with it, and nothing that only its makers need', () => {
  const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')).packages
  const pinned = read(join(installed.folder, 'node_modules/countersign/npm-shrinkwrap.json'))
  const { '': own, ...needed } = read(join(root, 'package-lock.json'))
  const isNeeded = ([, { dev }]: [string, { dev?: boolean }]) => !dev
  const { devDependencies, ...rest } = own
  assert.ok(devDependencies.typescript)
  assert.deepEqual(pinned, {
    '': rest,
    ...Object.fromEntries(Object.entries<{ dev?: boolean }>(needed).filter(isNeeded)),
  })
})

test('installed elsewhere, countersign serve runs, and npx countersign call gets its answer', async (t) => {
  const { url, end } = await listening(['node_modules/.bin/countersign', 'serve', '--port', '0'], {}, t)
  const called = await run('npx', ['--offline', 'countersign', 'call', 'ping', '--url', url], { cwd: installed.folder })
  assert.equal(called.status, 0, called.stderr)
  assert.equal(JSON.parse(called.stdout).status, 'success')
  assert.equal(await end(), 0)
})

test('the printed Express application answers signed commands beside routes of its own, and ends on SIGTERM', async (t) => {
  writeFileSync(join(installed.folder, 'app.js'), printed('app.js'))
  const { url, end } = await listening(['node', 'app.js'], { PORT: '0' }, t)
  const answer = await send(
    `${url}/gateway`,
    'set-user',
    { id: 'alice', user: { type: 3 } },
    keyIn('gateway-data'),
    now(),
  )
  assert.deepEqual([answer.json?.cmd, answer.json?.status, answer.authentic], ['set-user', 'success', true])
  assert.equal(await (await fetch(`${url}/`)).text(), 'My own page')
  const unsigned = await fetch(`${url}/gateway/control`, { method: 'POST', body: '{"cmd":"ping"}' })
  assert.deepEqual([unsigned.status, Object(await unsigned.json()).status], [400, 'failure'])
  assert.equal(await end(), 0)
})

test('mounted behind a body parser it says so, and answers nothing that it could not check', async (t) => {
  const wrong = printed('app.js').replace("app.use('/gateway'", "app.use(express.json())\napp.use('/gateway'")
  assert.notEqual(wrong, printed('app.js'))
  writeFileSync(join(installed.folder, 'wrong.js'), wrong)
  const { url } = await listening(['node', 'wrong.js'], { PORT: '0', NODE_ENV: 'development' }, t)
  const headers = { 'Content-Type': 'application/json' }
  const answer = await fetch(`${url}/gateway/control`, { method: 'POST', body: '{"cmd":"ping"}', headers })
  assert.equal(answer.status, 500)
  assert.match(await answer.text(), /mount it before body parsers/)
})

test('its types are whole: a strict TypeScript program that mounts the gateway compiles', async () => {
  for (const name of ['@types', 'undici-types']) {
    symlinkSync(join(root, 'node_modules', name), join(installed.folder, 'node_modules', name))
  }
  writeFileSync(
    join(installed.folder, 'typed.ts'),
    `import express from 'express'
import { ConfigError, type Gateway, openGateway } from 'countersign'
import { signMessage } from 'countersign/client'
const gateway: Gateway = await openGateway({ data: './d', trustProxy: '127.0.0.1', vendorPaths: true, window: 60 })
express().use(gateway.middleware)
// @ts-expect-error: there is no such setting
await openGateway({ prot: 1 })
export const known: boolean = signMessage('ping', {}, { apiKey: 'a', secret: 'b' }, { timestamp: 1 }).body === '' || new ConfigError([]).faults.length > 0
`,
  )
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2023']
  const { status, stdout } = await run(process.execPath, [compiler, ...flags, '--types', 'node', 'typed.ts'], {
    cwd: installed.folder,
  })
  assert.equal(status, 0, stdout)
})

test('publint finds nothing wrong with the package', async () => {
  const { messages, pkg } = await publint({ pkgDir: join(installed.folder, 'node_modules/countersign'), pack: false })
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg, { color: false })),
    [],
  )
})
