import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { inflateSync } from 'node:zlib'
import { isAuthentic } from '../clients/typescript/index.js'
import { dialects } from '../dialects/index.js'
import { codes } from '../schemas/codes.js'
import { settings } from '../schemas/config.js'
import { exits } from '../src/cli/exits.js'
import { scanJson, withoutSignature } from '../src/json.js'
import { mac, root, testInstance } from './support/instance.js'
import { sendForm } from './support/uplynk.js'

const clients = ['php', 'python', 'typescript'].map((client) => `clients/${client}/README.md`)
const pages = [
  'README.md',
  'docs/protocol.md',
  'docs/commands.md',
  'docs/codes.md',
  'docs/operations.md',
  'docs/audit.md',
  'docs/embedding.md',
  'docs/security.md',
  'docs/benchmarks.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...clients,
]
const read = (page: string): string => readFileSync(join(root, page), 'utf8')
const protocol = read('docs/protocol.md')

/** The one text that a pattern finds in the protocol document. */
function stated(what: RegExp): string {
  const [, text] = what.exec(protocol) ?? []
  assert.ok(text, `docs/protocol.md no longer states ${what}`)
  return text
}
const block = (name: string): string => stated(new RegExp(`^\`\`\`json ${name}\\n(.*)\\n\`\`\`$`, 'm'))
const row = (name: string): string => stated(new RegExp(`^\\| ${name} \\| \`(.*)\` \\|$`, 'm'))

const example = {
  unsigned: block('unsigned'),
  signed: block('signed'),
  reply: block('reply'),
  secret: row('secret'),
  base64: row('MAC in base64'),
  hex: row('MAC in hex'),
  replyMac: stated(/with HTTP status\s200, it is\s`(.{44})`/),
}

test('the generated pages and tables of the documents are what the code says now', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/docs.mjs'), '--check'], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
})

test('the worked example of the protocol document has the MACs that it prints', () => {
  const { unsigned, signed, reply, secret, base64, hex, replyMac } = example
  assert.equal(mac(secret, unsigned), base64)
  assert.equal(Buffer.from(base64, 'base64').toString('hex'), hex)
  assert.equal(withoutSignature(scanJson(signed)), unsigned)
  assert.equal(JSON.parse(signed).signature, base64)
  assert.ok(isAuthentic(replyMac, hex, 200, reply, secret))
})

test('a gateway runs the worked example as printed, and the form with a header is its replay', async (t) => {
  const { unsigned, signed, reply, secret, base64, hex } = example
  const gateway = await testInstance()
  t.after(() => gateway.close())
  const { timestamp, api_key: key, id } = JSON.parse(unsigned)
  gateway.clock.offset = timestamp - Date.now() / 1000
  assert.equal((await gateway.call('keys/import', { key, secret, account: 1 })).code, codes.KEY_IMPORTED.code)
  assert.equal((await gateway.call('set-user', { id, user: { type: 3 } })).code, codes.USER_SAVED.code)

  const inBody = await gateway.post(signed)
  const changing = { request_id: '', server_time: 0, handle_time: '' }
  const printed = JSON.parse(reply)
  assert.deepEqual({ ...JSON.parse(inBody.body), ...changing }, { ...printed, ...changing })
  assert.deepEqual(Object.keys(JSON.parse(inBody.body)), Object.keys(printed))
  const replyMac = new Map(inBody.headers).get('Countersign-Reply') ?? null
  assert.ok(isAuthentic(replyMac, hex, inBody.status, inBody.body, secret))

  const inHeader = JSON.parse((await gateway.post(unsigned, { signature: base64 })).body)
  assert.deepEqual([inHeader.code, inHeader.replayed, inHeader.result], [printed.code, true, printed.result])
})

test('a gateway understands the example of the dialect uplynk as printed', async (t) => {
  const [json, msg, sig] = [row('JSON'), row('`msg`'), row('`sig`')]
  assert.equal(inflateSync(Buffer.from(msg, 'base64')).toString(), json)
  const gateway = await testInstance()
  t.after(() => gateway.close())
  const { _owner: key, _timestamp: timestamp } = JSON.parse(json)
  gateway.clock.offset = timestamp - Date.now() / 1000
  await gateway.call('keys/import', { key, secret: example.secret, account: 1 })
  const form = String(new URLSearchParams({ msg, sig }))
  const { error } = await sendForm(gateway, 'subowners/get', form)
  assert.equal(error, codes.SUBOWNER_NOT_FOUND.code)
})

test('every link in the documents leads somewhere', () => {
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)/g)]
      .filter(([, path = '', anchor = '']) => !leads(page, path, anchor))
      .map(([link]) => `${page}: ${link}`),
  )
  assert.deepEqual(broken, [])
})

function leads(page: string, path: string, anchor: string): boolean {
  const file = path === '' ? join(root, page) : resolve(join(root, dirname(page)), path)
  if (!existsSync(file)) return false
  if (anchor === '') return true
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)
  return [...headings].some(([, title = '']) => anchor === `#${slug(title)}`)
}

const slug = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(' ', '-')

test('the documents name no setting, no code of the gateway and no dialect that does not exist', () => {
  const known = {
    settings: new Set(Object.values(settings).map(({ env }) => `COUNTERSIGN_${env}`)),
    codes: new Set(Object.values(codes).map(({ code }) => String(code))),
  }
  const documents = [
    'README.md',
    'docs/protocol.md',
    'docs/codes.md',
    'docs/audit.md',
    'docs/operations.md',
    'docs/embedding.md',
    'SECURITY.md',
    ...clients,
  ]
  const unknown = documents.flatMap((page) => {
    const text = read(page)
    const named = text.match(/\bCOUNTERSIGN_[A-Z]+(?:_[A-Z]+)*\b/g) ?? []
    const numbers = text.match(/\b1[45]\d\d\b/g) ?? []
    return [
      ...named.filter((name) => !known.settings.has(name)).map((name) => `${page}: ${name}`),
      ...numbers.filter((number) => !known.codes.has(number)).map((number) => `${page}: ${number}`),
    ]
  })
  assert.deepEqual(unknown, [])
  const described = [...protocol.matchAll(/^### 8\.\d (\w+)$/gm)].map(([, name]) => name)
  assert.deepEqual(described.sort(), dialects.map(({ name }) => name).sort())
})

test('the README lists every exit code of the program', () => {
  const [, listed = ''] = /Exit codes: (.*?)\n\n/s.exec(read('README.md')) ?? []
  const numbers = listed.split('·').map((item) => Number.parseInt(item.trim(), 10))
  assert.deepEqual(numbers, Object.values(exits))
})
