import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Authorities } from '../../src/authority.js'
import type { Queries } from '../../src/store/db.js'
import { Keys } from '../../src/store/keys.js'
import { ownerVerifier } from '../../src/verify-owner.js'
import { instanceFor } from '../support/commands.js'
import { makeKey } from '../support/keys.js'

test('a key that is known, unknown, disabled, rotated, or was rotated once takes the same queries, openings and MACs', async (t) => {
  const gateway = await instanceFor(t)
  const [known, disabled, rotated, ended] = await Promise.all([0, 1, 2, 3].map(() => makeKey(gateway)))
  await gateway.run('keys/update', { key: disabled?.apiKey, enable: false })
  await gateway.run('keys/rotate', { key: rotated?.apiKey, grace: 60 })
  await gateway.run('keys/rotate', { key: ended?.apiKey, grace: 0 })
  const work: number[][] = []
  for (const keyId of [known, disabled, rotated, ended, { apiKey: 'ck_unknown' }].map((key) => key?.apiKey ?? '')) {
    const done = { queries: 0, opened: 0 }
    const queries: Queries = {
      all: gateway.db.all.bind(gateway.db),
      run: gateway.db.run.bind(gateway.db),
      piece: gateway.db.piece.bind(gateway.db),
      get: (sql, params) => {
        done.queries++
        return gateway.db.get(sql, params)
      },
    }
    const sealing = {
      seal: gateway.vault.seal.bind(gateway.vault),
      tag: gateway.vault.tag.bind(gateway.vault),
      isTagged: gateway.vault.isTagged.bind(gateway.vault),
      open(sealed: string, binding: string) {
        done.opened++
        return gateway.vault.open(sealed, binding)
      },
    }
    const { secrets } = await new Authorities(() => new Keys(queries, sealing).load(keyId)).load(keyId)
    work.push([done.queries, done.opened, secrets.length])
  }
  assert.deepEqual(work, Array(5).fill([2, 2, 2]))
})

test('an owner that nobody named before is read from the database once, whether it is known or not', async (t) => {
  const gateway = await instanceFor(t)
  const { apiKey } = await makeKey(gateway)
  let loads = 0
  const authorities = new Authorities((keyId) => {
    loads++
    return new Keys(gateway.db, gateway.vault).load(keyId)
  })
  const verify = ownerVerifier(authorities, async (owner) => (owner === 'known' ? [apiKey] : []), 1)
  const ask = async (owner: string) => {
    loads = 0
    await verify(
      { kind: 'owner', owner, user: { account: undefined, login: owner }, signed: 'x', mac: 'x' },
      gateway.seconds(),
      '127.0.0.1',
    )
    return loads
  }
  await ask('somebody')
  assert.deepEqual([await ask('known'), await ask('unknown')], [1, 1])
  assert.deepEqual([await ask('known'), await ask('unknown')], [0, 0])
})

test('a secret whose grace time has ended is removed', async (t) => {
  const gateway = await instanceFor(t)
  const [still, ended] = [await makeKey(gateway), await makeKey(gateway)]
  const secret = (await gateway.run('keys/rotate', { key: still.apiKey, grace: 60 })).result.secret
  await gateway.run('keys/rotate', { key: ended.apiKey, grace: 0 })
  await gateway.forget()
  const rows = await gateway.db.all<{ key_id: string; old_secret: string | null; old_ceiling: string | null }>(
    'select key_id, old_secret, old_until, old_ceiling from keys where key_id in ($1, $2) order by key_id = $1',
    [still.apiKey, ended.apiKey],
  )
  assert.deepEqual(
    rows.map(({ old_secret, old_ceiling }) => [old_secret === null, old_ceiling === null]),
    [
      [true, true],
      [false, false],
    ],
  )
  assert.equal((await gateway.run('ping', {}, still)).code, 9001)
  assert.equal((await gateway.run('ping', {}, { apiKey: still.apiKey, secret })).code, 9001)
  assert.equal((await gateway.run('ping', {}, ended)).code, 1401)
})
