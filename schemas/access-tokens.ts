import { permissions, shownAddresses, shownPermissions } from './keys.js'
import { Closed, Int, Moment, Page, Paging, pages, Secret, Type } from './types.js'

const TokenId = Type.String({ minLength: 1, maxLength: 64, description: 'id of the token; not the token itself' })
const expiresAt = Moment('when the token ends')

export const CreateToken = Closed({
  permissions: Type.Optional(permissions),
  expires_in: Type.Optional(Int(60, 31_536_000, 'seconds until the token ends; a day unless given')),
})
export const CreatedToken = Closed({
  token_id: TokenId,
  token: Secret('the bearer token, shown once'),
  permissions: shownPermissions,
  expires_at: expiresAt,
})

const Token = Closed({
  token_id: TokenId,
  principal: Closed({ id: Type.String(), kind: Type.String() }),
  permissions: shownPermissions,
  ips: shownAddresses(),
  expires_at: expiresAt,
  created_by: Type.String(),
  created_at: Moment('when it was made'),
})
export const ListTokens = Closed(pages)
export const ListedTokens = Closed({ access_tokens: Page(Token), paging: Paging })

export const TokenRef = Closed({ token_id: TokenId })
