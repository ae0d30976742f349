import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Credentials, signMessage } from '../../clients/typescript/index.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { testInstance } from '../support/instance.js'
import { makeAccount, makeKey } from '../support/keys.js'
import { samples } from '../support/samples.js'

/** What account 2 has and nobody else may see. Its ids are sent by the attackers, so they may come back. */
const canary = 'canary-4711'
const [root, user, subownerName] = ['victim-root', 'victim-user', 'victim-subowner']
const stream = { app: 'victim-app', stream: 'victim-stream' }
const [serverId, sliceId] = ['victim-server', 'victim-slice']
const [doneKey, unseenKey] = ['victim-key-done', 'victim-key-unseen']

/** Chance that two instances can be given alike: asked the same, they answer the same, byte for byte. */
function repeatable() {
  let stage = ''
  let count = 0
  const randomBytes = (size: number): Buffer => {
    const blocks = Array.from({ length: Math.ceil(size / 32) }, () => `${stage} ${count++}`)
    return Buffer.concat(blocks.map((text) => createHash('sha256').update(text).digest())).subarray(0, size)
  }
  const begin = (name: string) => {
    stage = name
    count = 0
  }
  const randomName = (length: number) => randomBytes(length).toString('hex').slice(0, length)
  return { randomBytes, randomName, begin }
}

interface Scene {
  readonly gateway: CommandInstance
  readonly begin: (stage: string) => void
}

interface World {
  /** Account 2 owns something in the first, nothing in the second; all else is equal. */
  readonly scenes: readonly [owned: Scene, bare: Scene]
  readonly attackers: Readonly<Record<string, Credentials>>
  /** Ids of the objects of account 2, by the parameters that could take them. */
  readonly known: (parameter: string) => readonly unknown[]
}

async function world(t: TestContext): Promise<World> {
  const base = await testInstance()
  const victim = await makeAccount(base, 2)
  const attackers = {
    'the owner of another account': await makeAccount(base, 3),
    'the owner of the first account': await makeKey(base),
  }
  const [start, folders] = [Date.now(), mkdtempSync(join(tmpdir(), 'countersign-'))]
  const open = async (name: string): Promise<Scene> => {
    const { begin: beginChance, ...chance } = repeatable()
    let now = start
    const begin = (stage: string) => {
      beginChance(stage)
      now += 1_000
    }
    const folder = join(folders, name)
    cpSync(base.folder, folder, { recursive: true })
    return { gateway: await instanceFor(t, { folder, ...chance, now: () => now }), begin }
  }
  const scenes = [await open('owned'), await open('bare')] as const
  await base.close()
  t.after(() => rmSync(folders, { recursive: true }))
  for (const { begin } of scenes) begin('objects')
  const made = await objects(scenes[0].gateway, victim)
  const byParameter = new Map<string, readonly unknown[]>([
    ['id', [user, root, victim.apiKey, made.subowner, serverId, sliceId]],
    ['user', [user, root]],
    ['servers', [serverId]],
    ['slices', [sliceId]],
    ['server', [serverId]],
    ['slice', [sliceId]],
    ['time', [Math.floor(start / 1000)]],
    ['from', [Math.floor(start / 1000) - 3_600]],
    ['to', [Math.floor(start / 1000) + 3_600]],
    ['date', [new Date(start).toISOString().slice(0, 10)]],
    ['username', [subownerName]],
    ['streamuser_id', [1, 2]],
    ['app', [stream.app]],
    ['stream', [stream.stream]],
    ['of_idempotency_key', [doneKey, unseenKey]],
    ['of_request_id', made.requests],
    ['account', [2]],
    ['key', [victim.apiKey]],
    ['user_name', [made.device]],
    ['password', [made.password]],
    ['token_id', [made.token]],
    ['valid_until', [4_102_444_800]],
  ])
  return { scenes, attackers, known: (parameter) => byParameter.get(parameter) ?? [user] }
}

interface Objects {
  readonly requests: readonly string[]
  readonly device: string
  readonly password: string
  readonly token: string
  readonly subowner: string
}

/** What account 2 owns; the request ids of its making, and the ids that it was given. */
async function objects(gateway: CommandInstance, by: Credentials): Promise<Objects> {
  const secrets = { comment: canary, token: canary, ip: canary, password: canary }
  const settings = { save_folder: canary, ga_key: canary, pass: canary }
  const made = [
    await gateway.call('set-user', { id: root, user: { ...secrets, type: 1 } }, { by, idempotencyKey: doneKey }),
    await gateway.call('set-user', { id: user, user: { ...secrets, type: 3, conlimit: 4711 } }, { by }),
    await gateway.call('sevu.addstreamuser', { ...stream, ...settings, user }, { by }),
    await gateway.call('sevu.addstreamuser', { ...stream, ...settings, user: null }, { by }),
    await gateway.call('subowners/create', { username: subownerName, password: canary, permissions: ['api'] }, { by }),
  ]
  const device = await gateway.call('device-passwords/create', { device_name: canary, valid_from: 4711 }, { by })
  const token = await gateway.call('access-tokens/create', {}, { by })
  made.push(device, token)
  const parts = { slices: [sliceId], servers: [serverId] }
  made.push(
    await gateway.call('servers/set', { id: serverId, name: canary, host: canary }, { by }),
    await gateway.call('slices/set', { id: sliceId, name: canary, match: { apps: [canary] } }, { by }),
    await gateway.call('api-access/enable', { id: user }, { by }),
    await gateway.call('api-access/whitelist', { id: user, ips: ['198.51.100.47'] }, { by }),
    await gateway.call('slices/assign', { user, ...parts }, { by }),
    await gateway.call('stats/report', { server: serverId, samples: [sampleOf(gateway)] }, { by }),
  )
  assert.deepEqual(
    made.map(({ code }) => code),
    [3011, 3011, 2061, 2061, 4001, 5011, 5031, 7001, 7101, 6011, 6041, 7131, 7201],
  )
  const { user_name, password } = device.result
  return {
    requests: made.map(({ request_id }) => request_id),
    device: user_name,
    password,
    token: token.result.token_id,
    subowner: made[4]?.result.id,
  }
}

const sampleOf = (gateway: CommandInstance) => ({
  time: gateway.seconds(),
  app: canary,
  stream: canary,
  connections: 4711,
  bytes_in: 4711,
  bytes_out: 4711,
  viewers: [canary],
})

/** Every row of every table that belongs to an account. */
async function dump({ gateway: { db } }: Scene, account: number): Promise<object> {
  const tables = await db.all<{ name: string }>(
    `select m.name from sqlite_master m join pragma_table_info(m.name) c
     where m.type = 'table' and c.name = 'account' order by m.name`,
  )
  const rows: Record<string, object[]> = {}
  for (const { name } of tables) {
    rows[name] = await db.all(`select * from ${name} where account = $1 order by 1, 2`, [account])
  }
  return rows
}

/** Calls a command with everything that could name an object of account 2; what was answered, byte for byte. */
async function attack({ gateway, begin }: Scene, by: Credentials, calls: readonly Call[]): Promise<string[]> {
  const answers: string[] = []
  for (const [index, { name, params }] of calls.entries()) {
    begin(`${by.apiKey} ${index}`)
    const envelope = { timestamp: gateway.seconds(), idempotencyKey: `attack-${index}` }
    const { body, headers } = await gateway.post(signMessage(name, params, by, envelope).body)
    assert.ok(!`${body}${JSON.stringify(headers)}`.includes(canary), `${name} shows what another account owns: ${body}`)
    answers.push(comparable(body))
    // Rows of the trail are noted: written after every call, they stand in one order, whenever a second is over.
    const written = { timestamp: gateway.seconds(), idempotencyKey: `written-${index}` }
    await gateway.post(signMessage('toggle-user', { id: 'nobody' }, by, written).body)
  }
  return answers
}

/** Without what differs from run to run: how long it took, and the nonces of cursors. */
const comparable = (body: string): string =>
  body
    .replace(/"handle_time":"[0-9.]+ seconds"/, '"handle_time":""')
    .replace(/"next_cursor":"v1[^"]*"/, '"next_cursor":"…"')

interface Call {
  readonly name: string
  readonly params: object
}

function callsOf({ scenes: [{ gateway }], known }: World): Call[] {
  return gateway.catalogue.flatMap(({ name, params }) => {
    const made = samples(params, known)
    assert.ok(made.length > 0, `${name}: no parameters could be made up`)
    return made.map((value) => ({ name, params: Object(value) }))
  })
}

test('no command shows, changes or betrays what is another account’s', async (t) => {
  const made = await world(t)
  const before = await dump(made.scenes[0], 2)
  assert.ok(JSON.stringify(before).includes(canary))
  const once = callsOf(made)
  const reads = new Set(
    made.scenes[0].gateway.catalogue
      .filter(({ permission }) => /^null$|:read$/.test(String(permission)))
      .map((c) => c.name),
  )
  const instance = new Set(
    made.scenes[0].gateway.catalogue.filter((c) => c.permission === 'instance').map((c) => c.name),
  )
  for (const [who, by] of Object.entries(made.attackers)) {
    await t.test(`to ${who}`, async () => {
      // Reads again: now the attacker has objects of the same names.
      const calls = [...once, ...once.filter(({ name }) => reads.has(name))]
      const [owned = [], bare = []] = await Promise.all(made.scenes.map((scene) => attack(scene, by, calls)))
      for (const [index, { name, params }] of calls.entries()) {
        const what = `${name} ${JSON.stringify(params)}`
        assert.equal(owned[index], bare[index], `${what} answers otherwise where account 2 owns something`)
        const { code } = JSON.parse(owned[index] ?? '')
        if (instance.has(name)) assert.equal(code, 1403, what)
        else assert.ok(code < 1400 || code >= 1600, `${what}: ${code}`)
      }
    })
  }
  assert.deepEqual(await dump(made.scenes[0], 2), before)
})

test('what an attacker made void under its own key still runs for whom it belongs to', async (t) => {
  const gateway = await instanceFor(t)
  const [victim, attacker] = [await makeAccount(gateway, 2), await makeAccount(gateway, 3)]
  await gateway.run('request-status', { of_idempotency_key: unseenKey, void: true }, attacker)
  const late = await gateway.call(
    'set-user',
    { id: user, user: { type: 3 } },
    { by: victim, idempotencyKey: unseenKey },
  )
  assert.equal(late.code, 3011)
})
