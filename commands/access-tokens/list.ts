import { ListedTokens, ListTokens } from '../../schemas/access-tokens.js'
import { command, type TokenInfo } from '../../src/command.js'

export default command({
  name: 'access-tokens/list',
  summary: 'List the access tokens of the account that have not ended, without the tokens themselves',
  permission: 'keys:write',
  params: ListTokens,
  result: ListedTokens,
  codes: ['ACCESS_TOKENS_LISTED'],
  example: { params: {}, after: ['access-tokens/create'] },
  async run({ page, pagesize }, { store, now }) {
    const { tokens, total } = await store.accessTokens.page(now, page, pagesize)
    return ['ACCESS_TOKENS_LISTED', { access_tokens: tokens.map(shown), paging: { page, pagesize, total } }]
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
