import { mostRevoked, RevokedKeys, RevokeKey } from '../../schemas/keys.js'
import { command, type KeyInfo, requireHolding, requireOver } from '../../src/command.js'

export default command({
  name: 'keys/revoke',
  summary: 'End a key for good, and with cascade every key and access token that was made with it',
  permission: 'keys:write',
  params: RevokeKey,
  result: RevokedKeys,
  codes: ['KEY_NOT_REVOKED', 'KEY_REVOKED'],
  example: { params: { key: 'ck_fuXPw9RjictgQd9E8hqqvT', cascade: true }, after: ['keys/create'] },
  target: ({ key }) => key,
  changesRights: () => ({}),
  async run({ key, cascade = false }, { caller, store, now, audit }) {
    const named = await store.accountKeys.find(key)
    const { keys, removed } = cascade
      ? { keys: await store.accountKeys.list(), removed: await store.endedKeys.list() }
      : { keys: named ? [named] : [], removed: [] }
    if (!named && !removed.some(({ keyId }) => keyId === key)) return ['KEY_NOT_REVOKED']
    if (named) requireOver(caller, named)
    const tree = descendants(key, [...keys, ...removed])
    const byId = new Map(keys.map((one) => [one.keyId, one]))
    const ended = [...tree].flatMap((id) => byId.get(id) ?? []).filter(({ revokedAt }) => revokedAt === null)
    for (const one of ended) requireOver(caller, one)
    const tokens = cascade ? (await store.accessTokens.list()).filter(({ createdBy }) => tree.has(createdBy)) : []
    for (const token of tokens) requireHolding(caller, token)
    for (const { keyId } of ended) await store.accountKeys.revoke(keyId, now)
    await store.accessTokens.remove(tokens.map(({ tokenId }) => tokenId))
    const revoked = ended.slice(0, mostRevoked).map(({ keyId }) => keyId)
    const shown = tokens.slice(0, mostRevoked).map(({ tokenId }) => tokenId)
    const done = {
      revoked,
      revoked_total: ended.length,
      ...(cascade && { tokens: shown, tokens_total: tokens.length }),
    }
    audit(undefined, done)
    return ['KEY_REVOKED', done]
  },
})

/** The ids of a key and of whatever was made with it, with those, and so on. */
function descendants(first: string, keys: readonly Pick<KeyInfo, 'keyId' | 'createdBy'>[]): ReadonlySet<string> {
  const made = new Map<string, string[]>()
  for (const { keyId, createdBy } of keys) {
    const own = made.get(createdBy)
    if (own) own.push(keyId)
    else made.set(createdBy, [keyId])
  }
  const found = new Set([first])
  for (const parent of found) for (const keyId of made.get(parent) ?? []) found.add(keyId)
  return found
}
