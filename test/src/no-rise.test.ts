import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nanoid } from 'nanoid'
import type { Credentials } from '../../clients/typescript/index.js'
import { addressList } from '../../src/address.js'
import { covers, permissionsOfType } from '../../src/permissions.js'
import { makeParts } from '../support/access.js'
import { instanceFor } from '../support/commands.js'
import type { TestReply } from '../support/instance.js'
import { makeAccount } from '../support/keys.js'
import {
  type Attempt,
  attempt,
  attempts,
  type KeyState,
  plant,
  type State,
  stateOf,
  type Tree,
  tree,
  type UserState,
} from './random-tree.js'

const within = (held: readonly string[], wanted: readonly string[]) => wanted.every((one) => covers(held, one))

interface Shown {
  readonly key_id?: string
  readonly secret?: string | null
  readonly api_key?: string | null
  readonly api_id?: string
  readonly results?: readonly { readonly result?: unknown }[]
  readonly subowners?: readonly Shown[]
}

/** The credentials that a reply shows, also in the items of a batch or of a list. */
function shownIn(result: unknown): Credentials[] {
  if (typeof result !== 'object' || result === null) return []
  const {
    api_id,
    key_id: apiKey = api_id,
    secret,
    api_key: signing = secret,
    results = [],
    subowners = [],
  } = result as Shown
  const own = apiKey && typeof signing === 'string' ? [{ apiKey, secret: signing }] : []
  return [...own, ...[...results.map((item) => item.result), ...subowners].flatMap(shownIn)]
}

/** What must hold of everything but the intruder's own, compared with how it was before the intruder did anything. */
function requireUnharmed(held: readonly string[], before: State, after: State): void {
  for (const [id, was] of before.keys) {
    if (!within(held, was.holds)) assert.deepEqual(after.keys.get(id), was, `key ${id} holds more than the intruder`)
  }
  for (const [id, was] of before.tokens) {
    if (!within(held, was.holds))
      assert.deepEqual(after.tokens.get(id), was, `token ${id} holds more than the intruder`)
  }
  for (const [id, was] of before.users) {
    const beyond = !within(held, heldBy(was))
    if (beyond) assert.deepEqual(after.users.get(id), was, `user ${id} holds more than the intruder`)
  }
  for (const [id, was] of before.subowners) {
    if (!within(held, was.holds)) assert.deepEqual(after.subowners.get(id), was, `subowner ${id} holds more`)
  }
  for (const [id, { holds }] of after.subowners) {
    const known = [...held, ...(before.subowners.get(id)?.holds ?? [])]
    assert.ok(within(known, holds), `subowner ${id} was given ${holds}`)
  }
  for (const [id, { holds }] of after.keys) {
    const known = [...held, ...(before.keys.get(id)?.holds ?? [])]
    assert.ok(within(known, holds), `key ${id} was given ${holds}`)
  }
  for (const [id, is] of after.users) {
    const known = [...held, ...heldBy(before.users.get(id))]
    assert.ok(within(known, heldBy(is)), `user ${id} was made type ${is.type}`)
  }
}

interface Performed {
  readonly cmd: string
  readonly status: string
}

/** What a message did, also in the items of a batch. */
const performed = (cmd: string, params: object, { status, result }: TestReply): Performed[] =>
  cmd === 'batch'
    ? Object(params).commands.map((item: Performed, n: number) => ({ ...item, ...result?.results?.[n] }))
    : [{ cmd, status }]

/** Servers, slices and statistics are for those who hold their permission: nobody has some of them as its own. */
function requirePermitted(permissions: Permissions, held: readonly string[], done: readonly Performed[]): number {
  const parts = done.filter(({ cmd, status }) => status === 'success' && /^(servers|slices|stats)\//.test(cmd))
  for (const { cmd } of parts) {
    const permission = permissions.get(cmd)
    assert.ok(permission && covers(held, permission), `${cmd} was done by one who holds ${held}`)
  }
  return parts.length
}

type Permissions = ReadonlyMap<string, string | null>

/** What a panel user holds. */
const heldBy = (user?: UserState) => permissionsOfType(user?.type ?? 3, user?.assigned)

const never = Number.POSITIVE_INFINITY

/** Whether a key may do more, works for longer or in more places than it did. */
function gained(was: KeyState | undefined, is: KeyState): boolean {
  if (!was) return true
  const inside = addressList(was.addresses)
  const wider = is.addresses.length === 0 || is.addresses.some((entry) => !inside.contains(entry))
  return !within(was.holds, is.holds) || (is.end ?? never) > (was.end ?? never) || (was.addresses.length > 0 && wider)
}

/** Nothing lasts longer, or works where it did not, unless the intruder does too. */
function requireNoLonger(intruder: Intruder, before: State, after: State): void {
  for (const [id, is] of after.keys) {
    // A key that may do nothing is not worth having.
    if (is.holds.length > 0 && gained(before.keys.get(id), is)) requireLimits(intruder, id, is)
  }
  for (const [id, is] of after.users) {
    const was = before.users.get(id)
    const more = !was || !within(heldBy(was), heldBy(is)) || (is.end ?? never) > (was.end ?? never)
    if (heldBy(is).length === 0 || !more) continue
    assert.ok((is.end ?? never) <= (intruder.end ?? never), `user ${id} of type ${is.type} lasts until ${is.end}`)
  }
}

/** A token that was not there before goes no further than its maker does. */
function requireTokensWithin({ held, end, addresses }: Intruder, before: State, after: State): number {
  const made = [...after.tokens].filter(([id]) => !before.tokens.has(id))
  for (const [id, token] of made) {
    assert.ok(within(held, token.holds), `token ${id} was made, and holds ${token.holds}`)
    if (end !== null) assert.ok(token.end !== null && token.end <= end, `token ${id} ends at ${token.end}`)
    const inside = addressList(addresses)
    const kept = token.addresses.length > 0 && token.addresses.every((entry) => inside.contains(entry))
    if (addresses.length > 0) assert.ok(kept, `token ${id} may be used from ${token.addresses}`)
  }
  return made.length
}

/** A credential that was shown allows no more than the first one did, whatever somebody else gives its holder later. */
function requireWithin(intruder: Intruder, shown: Credentials, state: State): void {
  const key = state.keys.get(shown.apiKey)
  if (!key) return
  assert.ok(within(intruder.held, key.holds), `${shown.apiKey} was shown, and holds ${key.holds}`)
}

/** Nor does it last longer than the intruder does by then, whatever end somebody else gives its holder later. */
function requireLasting({ end }: Intruder, shown: Credentials, state: State): void {
  const key = state.keys.get(shown.apiKey)
  if (!key || key.holds.length === 0) return
  assert.ok((key.end ?? never) <= (end ?? never), `${shown.apiKey} was shown, and lasts until ${key.end}`)
}

/** When it is shown, it works from nowhere else and no longer. Later somebody else may give it other addresses. */
function requireShownWithin(intruder: Intruder, shown: Credentials, state: State): void {
  requireWithin(intruder, shown, state)
  const key = state.keys.get(shown.apiKey)
  if (key && key.holds.length > 0) requireLimits(intruder, shown.apiKey, key)
}

function requireLimits({ end, addresses }: Intruder, id: string, key: KeyState): void {
  assert.ok((key.end ?? never) <= (end ?? never), `${id} ends at ${key.end}`)
  assert.ok(addresses.length === 0 || allInside(addresses, key), `${id} may be used from ${key.addresses}`)
}

function allInside(addresses: readonly string[], key: KeyState): boolean {
  const list = addressList(addresses)
  return key.addresses.length > 0 && key.addresses.every((entry) => list.contains(entry))
}

/**
 * A subowner's secrets are for holders of secrets:read and of all that it holds, who last as long as each of its keys
 * and are bound to no fewer addresses. Whoever may shorten a key, and did, may know it from then on.
 */
function mayKnow({ held, end, addresses }: Intruder, { subowners, keys }: State, id: string): boolean {
  const holds = subowners.get(id)?.holds ?? []
  const own = [...keys.values()].filter((key) => key.subowner === id)
  const limited = own.every(
    (key) => (key.end ?? never) <= (end ?? never) && (addresses.length === 0 || allInside(addresses, key)),
  )
  return covers(held, 'secrets:read') && within(held, holds) && limited
}

interface Intruder {
  readonly held: readonly string[]
  readonly addresses: readonly string[]
  readonly end: number | null
}

test('whatever somebody sends with the credentials it has and is shown, whoever is promoted, removed and revived meanwhile, it holds, is shown, gives and touches nothing beyond what it began with', async (t) => {
  const gateway = await instanceFor(t)
  await makeAccount(gateway, 2)
  await makeParts(gateway)
  const permissions: Permissions = new Map(gateway.catalogue.map(({ name, permission }) => [name, permission]))
  const seen = { done: 0, refused: 0, shown: 0, tokens: 0, parts: 0, managed: 0, asked: 0, lineages: 0 }
  let subownersShown = 0

  async function intrude(grown: Tree, sent: readonly Attempt[]): Promise<void> {
    const planted = await plant(gateway, grown)
    const pool: Credentials[] = [planted.intruder]
    const lineage = new Map<string, string>()
    let before = await stateOf(gateway)
    const first = before.keys.get(planted.intruder.apiKey)
    assert.ok(first)
    let intruder: Intruder = { held: first.holds, addresses: first.addresses, end: first.end }
    const secretUsers = [...before.users].filter(
      ([, { type }]) => !covers(intruder.held, 'secrets:read') || !within(intruder.held, permissionsOfType(type)),
    )
    // Whom the owner made less than the intruder meanwhile has nothing to hide from it.
    const stillHidden = ([id]: (typeof secretUsers)[number]) => {
      const type = before.users.get(id)?.type
      return (
        !covers(intruder.held, 'secrets:read') || type === undefined || !within(intruder.held, permissionsOfType(type))
      )
    }
    for (const wanted of sent) {
      const by = (wanted.honest ? undefined : pool[wanted.by % pool.length]) ?? gateway.owner
      const [cmd, params] = attempt(wanted, before, planted)
      const reply = await gateway.call(cmd, params, { by, idempotencyKey: nanoid() })
      assert.notEqual(reply.code, 1500, JSON.stringify([cmd, params]))
      const after = await stateOf(gateway)
      for (const [id, { createdBy }] of after.keys) lineage.set(id, createdBy)
      if (wanted.honest) {
        // The intruder itself may be given a later end.
        const own = after.keys.get(planted.intruder.apiKey)
        if (own && (own.end ?? never) > (intruder.end ?? never)) intruder = { ...intruder, end: own.end }
        for (const one of pool) {
          requireWithin(intruder, one, after)
          requireLasting(intruder, one, after)
        }
        seen.managed += Number(reply.status === 'success')
        before = after
        continue
      }
      const text = JSON.stringify(reply)
      const hidden = [
        ...secretUsers.filter(stillHidden).map(([id]) => planted.tokenOf(id)),
        ...planted.secrets,
        ...planted.subownerSecrets.filter(([id]) => !mayKnow(intruder, after, id)).map(([, secret]) => secret),
      ]
      for (const secret of hidden) assert.ok(!text.includes(secret), `${cmd} shows ${secret}`)
      const shown = shownIn(reply.result)
      pool.push(...shown)
      for (const one of pool.slice(1)) {
        requireWithin(intruder, one, after)
        requireLasting(intruder, one, after)
      }
      for (const one of shown) requireShownWithin(intruder, one, after)
      requireUnharmed(intruder.held, before, after)
      requireNoLonger(intruder, before, after)
      seen.parts += requirePermitted(permissions, intruder.held, performed(cmd, params, reply))
      seen.tokens += requireTokensWithin(intruder, before, after)
      seen.done += Number(reply.status === 'success')
      seen.refused += Number(reply.code === 1403)
      seen.shown += shown.length
      subownersShown += Number(text.includes('"all_api_keys":{'))
    }
    for (const by of pool) {
      const { code, result } = await gateway.call('whoami', {}, { by })
      if (code === 9011)
        assert.ok(within(intruder.held, result.permissions), `${by.apiKey} is told ${result.permissions}`)
      seen.asked += Number(code === 9011)
    }
    seen.lineages += await requireWholeLineage(planted.intruder.apiKey, lineage)
  }

  /** Whatever was removed meanwhile, a cascade ends everything that was made with a key. */
  async function requireWholeLineage(first: string, lineage: ReadonlyMap<string, string>): Promise<number> {
    const made = new Set([first])
    for (const parent of made) for (const [id, createdBy] of lineage) if (createdBy === parent) made.add(id)
    await gateway.call('keys/revoke', { key: first, cascade: true }, { by: gateway.owner, idempotencyKey: nanoid() })
    const { keys } = await stateOf(gateway)
    const left = [...made].filter((id) => keys.get(id)?.revoked === false)
    assert.deepEqual(left, [], 'keys that a cascade left')
    return made.size - 1
  }

  await fc.assert(fc.asyncProperty(tree, attempts, intrude), {
    numRuns: 150,
    interruptAfterTimeLimit: 20_000,
    endOnFailure: true,
    includeErrorInReport: true,
  })
  // Otherwise the property says nothing.
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 0, `${what}: ${count}`)
  assert.ok(subownersShown > 0)
})
