import { mostRevoked, RevokedKeys, RevokeKey } from '../../schemas/keys.js'
import { command, requireHolding, requireOver } from '../../src/command.js'

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
    if (!named && !(cascade && (await store.lineage.hasEnded(key)))) return ['KEY_NOT_REVOKED']
    if (named) requireOver(caller, named)
    const tree = cascade ? await store.lineage.keysFrom(key) : [key]
    const ended = (await store.accountKeys.findAll(tree)).filter(({ revokedAt }) => revokedAt === null)
    for (const one of ended) requireOver(caller, one)
    const tokens = cascade ? await store.lineage.tokensOf(tree) : []
    for (const token of await store.accessTokens.findAll(tokens)) requireHolding(caller, token)
    for (const { keyId } of ended) await store.accountKeys.revoke(keyId, now)
    await store.accessTokens.remove(tokens)
    const revoked = ended.slice(0, mostRevoked).map(({ keyId }) => keyId)
    const done = {
      revoked,
      revoked_total: ended.length,
      ...(cascade && { tokens: tokens.slice(0, mostRevoked), tokens_total: tokens.length }),
    }
    audit(undefined, done)
    return ['KEY_REVOKED', done]
  },
})
