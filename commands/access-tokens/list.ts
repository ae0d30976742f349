import { ListedTokens } from '../../schemas/access-tokens.js'
import { Nothing } from '../../schemas/types.js'
import { command, type TokenInfo } from '../../src/command.js'

export default command({
  name: 'access-tokens/list',
  summary: 'List the access tokens of the account that have not ended, without the tokens themselves',
  permission: 'keys:write',
  params: Nothing,
  result: ListedTokens,
  codes: ['ACCESS_TOKENS_LISTED'],
  example: { params: {}, after: ['access-tokens/create'] },
  async run(_params, { store, now }) {
    const live = (await store.accessTokens.list()).filter(({ expiresAt }) => expiresAt > now)
    return ['ACCESS_TOKENS_LISTED', { access_tokens: live.map(shown) }]
  },
})

const shown = (token: TokenInfo) => ({
  token_id: token.tokenId,
  principal: { kind: token.principal.kind, id: token.principal.id },
  permissions: [...token.permissions],
  ips: [...token.addresses],
  expires_at: token.expiresAt,
  created_by: token.createdBy,
  created_at: token.createdAt,
})
