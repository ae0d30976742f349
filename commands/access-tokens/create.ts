import { CreatedToken, CreateToken } from '../../schemas/access-tokens.js'
import { command, madeBy, requireGrantable, signerFor } from '../../src/command.js'

const mostTokens = 100
const day = 86_400

export default command({
  name: 'access-tokens/create',
  summary: 'Make a bearer token that acts for you, for clients that cannot sign (the ibm dialect); it is shown once',
  permission: 'keys:write',
  params: CreateToken,
  result: CreatedToken,
  codes: ['ACCESS_TOKEN_NOT_CREATED', 'ACCESS_TOKEN_CREATED'],
  example: { params: { permissions: ['devices:*'], expires_in: 86400 } },
  async run({ permissions = ['devices:*'], expires_in }, { caller, store, now, id, newToken, audit }) {
    const expiresAt = expires_in === undefined ? soonest(now + day, caller.expiresAt) : now + expires_in
    requireGrantable(caller, { permissions, expires_at: expiresAt })
    const principal = await signerFor(caller, store)
    if ((await store.accessTokens.countLive(principal, now)) >= mostTokens) return ['ACCESS_TOKEN_NOT_CREATED']
    const made = {
      tokenId: id(),
      token: newToken(),
      principal,
      permissions,
      addresses: caller.addresses?.entries ?? [],
      expiresAt,
      createdBy: madeBy(caller),
    }
    await store.accessTokens.insert(made, now)
    const shown = { token_id: made.tokenId, permissions: [...permissions], expires_at: expiresAt }
    audit(undefined, { ...shown, ips: made.addresses })
    return ['ACCESS_TOKEN_CREATED', { ...shown, token: made.token }]
  },
})

const soonest = (a: number, b: number | null): number => (b === null ? a : Math.min(a, b))
