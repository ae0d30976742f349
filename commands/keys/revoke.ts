import { RevokedKeys, RevokeKey } from '../../schemas/keys.js'
import { command, type KeyInfo, requireHolding, requireOver, type TokenInfo } from '../../src/command.js'

export default command({
  name: 'keys/revoke',
  summary: 'End a key for good, and with cascade every key and access token that was made with it',
  permission: 'keys:write',
  params: RevokeKey,
  result: RevokedKeys,
  codes: ['KEY_NOT_REVOKED', 'KEY_REVOKED'],
  example: { params: { key: 'ck_fuXPw9RjictgQd9E8hqqvT', cascade: true }, after: ['keys/create'] },
  target: ({ key }) => key,
  async run({ key, cascade = false }, { caller, store, now, audit }) {
    const keys = await store.accountKeys.list()
    const named = keys.find(({ keyId }) => keyId === key)
    if (!named) return ['KEY_NOT_REVOKED']
    requireOver(caller, named)
    const tree = cascade ? descendants(named, keys) : [named]
    const ended = tree.filter(({ revokedAt }) => revokedAt === null)
    for (const one of ended) requireOver(caller, one)
    const tokens = cascade ? (await store.accessTokens.list()).filter((token) => wasMadeIn(tree, token)) : []
    for (const token of tokens) requireHolding(caller, token)
    for (const { keyId } of ended) await store.accountKeys.revoke(keyId, now)
    for (const { tokenId } of tokens) await store.accessTokens.remove(tokenId)
    const revoked = ended.map(({ keyId }) => keyId)
    const done = { revoked, ...(cascade && { tokens: tokens.map(({ tokenId }) => tokenId) }) }
    audit(undefined, done)
    return ['KEY_REVOKED', done]
  },
})

/** A key and whatever was made with it, with those, and so on. */
function descendants(first: KeyInfo, keys: readonly KeyInfo[]): KeyInfo[] {
  const found = [first]
  for (const parent of found) {
    found.push(...keys.filter((key) => key.createdBy === parent.keyId && !found.includes(key)))
  }
  return found
}

const wasMadeIn = (tree: readonly KeyInfo[], { createdBy }: TokenInfo): boolean =>
  tree.some(({ keyId }) => keyId === createdBy)
