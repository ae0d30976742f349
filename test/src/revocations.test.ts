import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { nanoid } from 'nanoid'
import pg from 'pg'
import type { Credentials } from '../../clients/typescript/index.js'
import { placeOf, type TestInstance, testInstance } from '../support/instance.js'
import { byPassword, byToken } from '../support/logins.js'
import { emptyDatabase, noPostgres } from '../support/postgres.js'
import { callUplynk } from '../support/uplynk.js'

/** Somebody whose right is ended while a write of theirs waits. */
interface Actor {
  readonly account?: number
  /** A write that waits for the account's row; whether it was done. */
  write(): Promise<boolean>
}

const fresh = () =>
  `u${nanoid()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '0')}`

const done = async (gateway: TestInstance, cmd: string, params: object) => {
  const reply = await gateway.call(cmd, params, { idempotencyKey: nanoid() })
  assert.equal(reply.code % 2, 1, `${cmd}: ${JSON.stringify(reply)}`)
  return reply.result
}

const bySigning = (gateway: TestInstance, by: Credentials, account = 1): Actor => ({
  account,
  async write() {
    const { code } = await gateway.call(
      'set-user',
      { id: fresh(), user: { type: 3 } },
      { by, idempotencyKey: nanoid() },
    )
    return code === 3011
  },
})

async function key(gateway: TestInstance): Promise<Actor & { id: string }> {
  const { key_id: apiKey, secret } = await done(gateway, 'keys/create', {})
  return { id: apiKey, ...bySigning(gateway, { apiKey, secret }) }
}

async function user(gateway: TestInstance): Promise<{ signing: Actor; password: Actor; apiKey: string }> {
  await gateway.call('set-user', { id: 'alice', user: { remove: true } }, { idempotencyKey: nanoid() })
  await done(gateway, 'set-user', { id: 'alice', user: { type: 1, password: 'to begin with' } })
  await done(gateway, 'set-user', { id: 'bob', user: { type: 1 } })
  const { api_id: apiKey, secret } = await done(gateway, 'api-access/enable', { id: 'alice' })
  const password = {
    async write() {
      const { json } = await byPassword(gateway, 'alice:to begin with', {
        cmd: 'set-user',
        id: fresh(),
        user: { type: 3 },
      })
      return json['set-user'] === 'ok'
    },
  }
  return { signing: bySigning(gateway, { apiKey, secret }), password, apiKey }
}

async function subowner(gateway: TestInstance): Promise<{ owner: Actor; signing: Actor; id: string }> {
  const made = await done(gateway, 'subowners/create', {
    username: fresh(),
    password: 'to begin with',
    permissions: ['api'],
  })
  const owner = {
    async write() {
      const params = { _cmd: 'set-user', id: fresh(), user: { type: 3 } }
      const { error } = await callUplynk(gateway, 'set-user', params, { owner: made.id, secret: made.api_key })
      return error === 0
    },
  }
  return { owner, signing: bySigning(gateway, { apiKey: made.key_id, secret: made.api_key }), id: made.id }
}

async function token(gateway: TestInstance): Promise<Actor & { id: string }> {
  const { token_id: id, token: text } = await done(gateway, 'access-tokens/create', { expires_in: 3_600 })
  return {
    id,
    async write() {
      const fields = { device_name: 'camera', valid_from: '1497571200' }
      return (await byToken(gateway, text, 'POST /users/self/device-passwords.json', fields)).status === 200
    },
  }
}

async function otherAccount(gateway: TestInstance): Promise<Actor> {
  await done(gateway, 'accounts/create', { account: 2 })
  const by = { apiKey: 'KEYOFTWO', secret: 'the-secret-of-the-second-account' }
  await done(gateway, 'keys/import', { account: 2, key: by.apiKey, secret: by.secret })
  return bySigning(gateway, by, 2)
}

interface Ending {
  readonly what: string
  /** What the change waits for, beside the row of the account. */
  readonly row?: string
  readonly make: (gateway: TestInstance) => Promise<{ actor: Actor; cmd: string; params: object }>
}

const aliceRow = `select 1 from users where id = 'alice' for update`

const endings: readonly Ending[] = [
  {
    what: 'keys/revoke',
    async make(gateway) {
      const actor = await key(gateway)
      return { actor, cmd: 'keys/revoke', params: { key: actor.id } }
    },
  },
  {
    what: 'keys/update that disables',
    async make(gateway) {
      const actor = await key(gateway)
      return { actor, cmd: 'keys/update', params: { key: actor.id, enable: false } }
    },
  },
  {
    what: 'keys/update that takes permissions',
    async make(gateway) {
      const actor = await key(gateway)
      return { actor, cmd: 'keys/update', params: { key: actor.id, permissions: ['users:read'] } }
    },
  },
  {
    what: 'keys/update that ends another address',
    async make(gateway) {
      const actor = await key(gateway)
      return { actor, cmd: 'keys/update', params: { key: actor.id, ips: ['192.0.2.1'] } }
    },
  },
  {
    what: 'keys/rotate without grace',
    async make(gateway) {
      const actor = await key(gateway)
      return { actor, cmd: 'keys/rotate', params: { key: actor.id, grace: 0 } }
    },
  },
  {
    what: 'a batch that ends in keys/revoke',
    async make(gateway) {
      const actor = await key(gateway)
      const commands = [
        { cmd: 'set-user', id: fresh(), user: { type: 3 } },
        { cmd: 'keys/revoke', key: actor.id },
      ]
      return { actor, cmd: 'batch', params: { commands } }
    },
  },
  {
    what: 'toggle-user, against a signature',
    row: aliceRow,
    make: async (gateway) => ({ actor: (await user(gateway)).signing, cmd: 'toggle-user', params: { id: 'alice' } }),
  },
  {
    what: 'toggle-user, against a password',
    row: aliceRow,
    make: async (gateway) => ({ actor: (await user(gateway)).password, cmd: 'toggle-user', params: { id: 'alice' } }),
  },
  ...[{ enable: false }, { type: 3 }, { expire: 5 }, { remove: true }].map((change) => ({
    what: `set-user ${JSON.stringify(change)}, against a signature`,
    async make(gateway: TestInstance) {
      return { actor: (await user(gateway)).signing, cmd: 'set-user', params: { id: 'alice', user: change } }
    },
  })),
  ...[{ enable: false }, { password: 'another one' }, { type: 3 }].map((change) => ({
    what: `set-user ${JSON.stringify(change)}, against a password`,
    async make(gateway: TestInstance) {
      return { actor: (await user(gateway)).password, cmd: 'set-user', params: { id: 'alice', user: change } }
    },
  })),
  ...(['disable', 'regenerate'] as const).map((verb) => ({
    what: `api-access/${verb}`,
    async make(gateway: TestInstance) {
      return {
        actor: (await user(gateway)).signing,
        cmd: `api-access/${verb}`,
        params: { id: 'alice', ...(verb === 'regenerate' && { grace: 0 }) },
      }
    },
  })),
  {
    what: 'api-access/whitelist',
    async make(gateway) {
      const { signing } = await user(gateway)
      return { actor: signing, cmd: 'api-access/whitelist', params: { id: 'alice', ips: ['192.0.2.1'] } }
    },
  },
  ...(['owner', 'signing'] as const).flatMap((proof) => [
    {
      what: `subowners/delete, against ${proof}`,
      async make(gateway: TestInstance) {
        const made = await subowner(gateway)
        return { actor: made[proof], cmd: 'subowners/delete', params: { id: made.id } }
      },
    },
    {
      what: `subowners/update that takes permissions, against ${proof}`,
      async make(gateway: TestInstance) {
        const made = await subowner(gateway)
        return { actor: made[proof], cmd: 'subowners/update', params: { id: made.id, permissions: [] } }
      },
    },
    {
      what: `subowners/update with newkey, against ${proof}`,
      async make(gateway: TestInstance) {
        const made = await subowner(gateway)
        return { actor: made[proof], cmd: 'subowners/update', params: { id: made.id, newkey: 1, grace: 0 } }
      },
    },
  ]),
  {
    what: 'access-tokens/revoke',
    async make(gateway) {
      const actor = await token(gateway)
      return { actor, cmd: 'access-tokens/revoke', params: { token_id: actor.id } }
    },
  },
  {
    what: 'accounts/update of another account',
    async make(gateway) {
      return { actor: await otherAccount(gateway), cmd: 'accounts/update', params: { account: 2, enable: false } }
    },
  },
]

test('on PostgreSQL no write takes effect after the end of its right was answered', {
  skip: noPostgres ?? false,
}, async (t) => {
  const gateway = await testInstance({ place: await emptyDatabase(), publicUrl: 'http://127.0.0.1:8420' })
  t.after(() => gateway.close())
  for (const { what, row, make } of endings) {
    await t.test(what, async (t) => {
      const { actor, cmd, params } = await make(gateway)
      // A password that was right is not hashed again: what waits below waits for locks alone.
      assert.equal(await actor.write(), true)
      const url = placeOf(gateway.folder)?.url ?? ''
      const [accounts, change] = [await holding(t, url, accountRows), await holding(t, url, row ?? 'select 1')]
      const waits = waiting(t, url)
      const ended = done(gateway, cmd, params)
      await waits(1)
      const written = actor.write()
      await waits(2)
      await change.release()
      // What waits for the row of the user alone is answered now; what waits for the account's comes first there.
      if (row !== undefined) await ended
      await accounts.release()
      await ended
      const usersThen = await gateway.db.all('select 1 from users union all select 1 from device_passwords')
      assert.equal(await written, false)
      const usersNow = await gateway.db.all('select 1 from users union all select 1 from device_passwords')
      assert.equal(usersNow.length, usersThen.length)
    })
  }
})

const accountRows = 'select 1 from accounts for update'

/** A transaction beside the gateway that holds rows until it is let go. */
async function holding(t: TestContext, url: string, sql: string): Promise<{ release(): Promise<unknown> }> {
  const client = new pg.Client(url)
  await client.connect()
  t.after(() => client.end())
  await client.query('begin')
  await client.query(sql)
  return { release: () => client.query('commit') }
}

/** Waits until so many transactions of the gateway wait for a lock. */
function waiting(t: TestContext, url: string): (count: number) => Promise<void> {
  const client = new pg.Client(url)
  const connected = client.connect()
  t.after(() => client.end())
  return async (count) => {
    await connected
    for (const end = performance.now() + 10_000; performance.now() < end; await delay(5)) {
      const { rows } = await client.query(
        `select count(distinct l.pid) as n from pg_locks l join pg_stat_activity a on a.pid = l.pid
         where not l.granted and a.application_name = 'countersign write' and a.datname = current_database()`,
      )
      if (Number(rows[0].n) >= count) return
    }
    throw new Error(`there were never ${count} transactions that waited`)
  }
}
