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
    const keys = await store.accountKeys.list()
    const named = keys.find(({ keyId }) => keyId === key)
    const removed = cascade ? await store.endedKeys.list() : []
    if (!named && !removed.some(({ keyId }) => keyId === key)) return ['KEY_NOT_REVOKED']
    if (named) requireOver(caller, named)
    const tree = cascade ? descendants(key, [...keys, ...removed]) : new Set([key])
    const ended = [...tree].flatMap((id) => keys.filter((one) => one.keyId === id && one.revokedAt === null))
    for (const one of ended) requireOver(caller, one)
    const tokens = cascade ? (await store.accessTokens.list()).filter(({ createdBy }) => tree.has(createdBy)) : []
    for (const token of tokens) requireHolding(caller, token)
    for (const { keyId } of ended) await store.accountKeys.revoke(keyId, now)
    for (const { tokenId } of tokens) await store.accessTokens.remove(tokenId)
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
  const found = new Set([first])
  for (const parent of found) {
    for (const { keyId, createdBy } of keys) if (createdBy === parent) found.add(keyId)
  }
  return found
}
