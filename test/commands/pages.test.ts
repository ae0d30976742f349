import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials } from '../../clients/typescript/index.js'
import { userWithAccess } from '../support/access.js'
import { type CommandInstance, instanceFor } from '../support/commands.js'
import { makeAccount } from '../support/keys.js'

/** A list, how further rows of it come to be, and what tells them apart. */
interface List {
  readonly cmd: string
  readonly member: string
  readonly id: string
  /** `n` is a column of numbers from 1. */
  readonly insert: string
}

const numbers = (count: number): string =>
  `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count}) `

const lists: readonly List[] = [
  {
    cmd: 'slices/list',
    member: 'slices',
    id: 'id',
    insert: `insert into slices (account, id, name, matches, created_at) select 1, 's' || (1000 - i), 'x', '{}', 0 from n`,
  },
  {
    cmd: 'servers/list',
    member: 'servers',
    id: 'id',
    insert: `insert into servers (account, id, name, host, created_at) select 1, 's' || (1000 - i), 'x', '', 0 from n`,
  },
  {
    cmd: 'keys/list',
    member: 'keys',
    id: 'key_id',
    insert: `insert into keys (key_id, account, principal_kind, principal_id, lineage, permissions, addresses, secret, enable, created_by, comment, created_at)
      select 'k' || i, 1, 'subowner', 'u' || i, 'k' || i, '[]', '[]', '', 1, 'x', '', i from n`,
  },
  {
    cmd: 'access-tokens/list',
    member: 'access_tokens',
    id: 'token_id',
    insert: `insert into access_tokens (token_id, token_hash, account, principal_kind, principal_id, permissions, addresses, expires_at, created_by, created_at)
      select 't' || i, 'h' || i, 1, 'owner', 'x', '[]', '[]', case when i % 11 = 0 then 1 else 4000000000 end, 'x', i from n`,
  },
  {
    cmd: 'accounts/list',
    member: 'accounts',
    id: 'account',
    insert: `insert into accounts (account, name, enable, version, created_at) select 100 + i, 'x', 1, 0, 0 from n`,
  },
  {
    cmd: 'subowners/list',
    member: 'subowners',
    id: 'id',
    insert: `insert into subowners (account, id, username, password, permissions, key_id, created_at, updated_at)
      select 1, 'id' || i, 'u' || (1000 - i), '', '[]', 'k', i / 10, 0 from n`,
  },
]

/** Every page of a list, and what each said of the pages. */
async function pagesOf(gateway: CommandInstance, { cmd, member }: List, pagesize: number, by?: Credentials) {
  const rows: Record<string, unknown>[] = []
  for (let page = 1; ; page++) {
    const { result } = await gateway.run(cmd, { page, pagesize }, by)
    if (result[member].length === 0) return { rows, total: result.paging.total }
    assert.deepEqual([result.paging.page, result.paging.pagesize], [page, pagesize])
    assert.ok(result[member].length <= pagesize)
    rows.push(...result[member])
  }
}

for (const list of lists) {
  const { cmd, member, id, insert } = list
  test(`${cmd} has pages: every row once, in one order, the first 50 unless asked for others, and the total`, async (t) => {
    const gateway = await instanceFor(t)
    const other = await makeAccount(gateway, 2)
    await gateway.db.transaction((session) => session.run(numbers(120) + insert))
    const { rows, total } = await pagesOf(gateway, list, 50)
    assert.ok(total >= 100, `${total}`)
    assert.equal(rows.length, total)
    assert.equal(new Set(rows.map((row) => row[id])).size, total)
    assert.deepEqual((await pagesOf(gateway, list, 7)).rows, rows)
    const first = (await gateway.run(cmd)).result
    assert.deepEqual([first[member].length, first.paging], [50, { page: 1, pagesize: 50, total }])
    assert.deepEqual(first[member], rows.slice(0, 50))
    for (const wrong of [{ page: 0 }, { pagesize: 0 }, { pagesize: 51 }, { page: 'x' }]) {
      assert.equal((await gateway.run(cmd, wrong)).code, 1422)
    }
    if (cmd === 'accounts/list') return
    const elsewhere = (await gateway.run(cmd, {}, other)).result
    assert.ok(elsewhere.paging.total <= 1 && elsewhere[member].length === elsewhere.paging.total, 'another account')
  })
}

test('what a user was assigned has pages of its own, and a total of its own', async (t) => {
  const gateway = await instanceFor(t)
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  for (const list of lists.slice(0, 2)) {
    await gateway.db.transaction((session) => session.run(numbers(120) + list.insert))
    const held = Array.from({ length: 60 }, (_, index) => `s${999 - 2 * index}`)
    assert.equal((await gateway.run('slices/assign', { user: 'alice', [list.member]: held })).code, 7131)
    const { rows, total } = await pagesOf(gateway, list, 25, alice)
    assert.deepEqual([total, rows.map((row) => row.id)], [60, held.sort()])
  }
})

test('commands answers all of them unless it is asked for a page', async (t) => {
  const gateway = await instanceFor(t)
  const all = (await gateway.run('commands')).result
  assert.deepEqual(all.paging, { page: 1, pagesize: all.commands.length, total: all.commands.length })
  const names = all.commands.map(({ name }: { name: string }) => name)
  const paged: string[] = []
  for (let page = 1; paged.length < names.length; page++) {
    const { commands, paging } = (await gateway.run('commands', { page, pagesize: 20 })).result
    assert.deepEqual(paging, { page, pagesize: 20, total: names.length })
    paged.push(...commands.map(({ name }: { name: string }) => name))
  }
  assert.deepEqual(paged, names)
  assert.equal((await gateway.run('commands', { page: 1 })).result.commands.length, 50)
  assert.equal((await gateway.run('commands', { page: 99 })).result.commands.length, 0)
})

test('keys/revoke with cascade ends any number of keys and tokens, and names the first 1,000 of each', async (t) => {
  const gateway = await instanceFor(t)
  const root = (await gateway.run('keys/create', { permissions: [] })).result.key_id
  await gateway.db.transaction(async (session) => {
    await session.run(
      `${numbers(1_100)}insert into keys (key_id, account, principal_kind, principal_id, lineage, permissions, addresses, secret, enable, created_by, comment, created_at)
       select 'k' || i, 1, 'subowner', 'u' || i, 'k' || i, '[]', '[]', '', 1, $1, '', i from n`,
      [root],
    )
    await session.run(
      `${numbers(1_100)}insert into access_tokens (token_id, token_hash, account, principal_kind, principal_id, permissions, addresses, expires_at, created_by, created_at)
       select 't' || i, 'h' || i, 1, 'owner', 'x', '[]', '[]', 4000000000, 'k' || i, i from n`,
    )
  })
  const { code, result } = await gateway.run('keys/revoke', { key: root, cascade: true })
  assert.equal(code, 6141)
  assert.deepEqual([result.revoked.length, result.revoked_total], [1_000, 1_101])
  assert.deepEqual([result.tokens.length, result.tokens_total], [1_000, 1_100])
  const left =
    await gateway.db.all(`select 1 from keys where account = 1 and revoked_at is null and principal_kind = 'subowner'
    union all select 1 from access_tokens where account = 1`)
  assert.deepEqual(left, [])
})
