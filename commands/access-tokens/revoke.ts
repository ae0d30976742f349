import { TokenRef } from '../../schemas/access-tokens.js'
import { Nothing } from '../../schemas/types.js'
import { command, requireHolding } from '../../src/command.js'

export default command({
  name: 'access-tokens/revoke',
  summary: 'End an access token for good',
  permission: 'keys:write',
  params: TokenRef,
  result: Nothing,
  codes: ['ACCESS_TOKEN_NOT_REVOKED', 'ACCESS_TOKEN_REVOKED'],
  example: { params: { token_id: 'ae21e7a0296a8b033338dbcd96759b63' }, after: ['access-tokens/create'] },
  target: ({ token_id }) => token_id,
  changesRights: () => ({}),
  async run({ token_id }, { caller, store, audit }) {
    const token = await store.accessTokens.find(token_id)
    if (!token) return ['ACCESS_TOKEN_NOT_REVOKED']
    requireHolding(caller, token)
    await store.accessTokens.remove([token_id])
    audit({ permissions: token.permissions, expires_at: token.expiresAt }, undefined)
    return ['ACCESS_TOKEN_REVOKED']
  },
})
