import { RevokedKeys, RevokeKey } from '../../schemas/keys.js'
import { command, type KeyInfo, requireOver } from '../../src/command.js'

export default command({
  name: 'keys/revoke',
  summary: 'End a key for good, and with cascade every key that was made with it',
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
    const ended = (cascade ? descendants(named, keys) : [named]).filter(({ revokedAt }) => revokedAt === null)
    for (const one of ended) requireOver(caller, one)
    for (const { keyId } of ended) await store.accountKeys.revoke(keyId, now)
    audit(undefined, { revoked: ended.map(({ keyId }) => keyId) })
    return ['KEY_REVOKED', { revoked: ended.map(({ keyId }) => keyId) }]
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
