import { Closed, Int, Moment, Page, Paging, pages, Secret, Text, Type } from './types.js'

const KeyId = Type.String({ minLength: 1, maxLength: 128, description: 'public id of the key' })

/** Permissions and addresses that one key may have. */
const mostPermissions = 64
const mostAddresses = 256

export const permissions = Type.Array(
  Type.String({
    maxLength: 64,
    pattern: '^(\\*|\\*:read|[a-z][a-z-]*:(read|write|\\*))$',
    description: 'noun:read, noun:write, noun:*, *:read or *',
  }),
  { maxItems: mostPermissions, description: 'never more than you hold' },
)
/** Addresses and CIDR blocks; `src/address.ts` reads them exactly. */
export const addresses = (description: string) =>
  Type.Array(Type.String({ maxLength: 64, pattern: '^[0-9A-Fa-f.:/]+$', description: 'address or CIDR block' }), {
    maxItems: mostAddresses,
    description,
  })
const ips = addresses('where the key may be used from; empty is anywhere')
/** Permissions and addresses as a result tells them; what two lists of permissions both allow may have more entries than either. */
export const shownPermissions = Type.Array(Type.String(), { maxItems: 4 * mostPermissions })
export const shownAddresses = (description?: string) =>
  Type.Array(Type.String(), { maxItems: mostAddresses, ...(description !== undefined && { description }) })
const expiresAt = Type.Union([Moment('when the key ends'), Type.Null()], { description: 'Unix seconds; null is never' })
const comment = Text(1024, 'for people')
const grace = Int(0, 31_536_000, 'seconds that the old secret goes on working; 0 ends it now')

export const CreateKey = Closed({
  permissions: Type.Optional(permissions),
  ips: Type.Optional(ips),
  expires_at: Type.Optional(expiresAt),
  comment: Type.Optional(comment),
})
export const CreatedKey = Closed({
  key_id: KeyId,
  secret: Secret('the signing secret, shown once'),
  permissions: shownPermissions,
  ips: shownAddresses(),
  expires_at: expiresAt,
})

export const KeyRef = Closed({ key: KeyId })

export const UpdateKey = Closed(
  {
    key: KeyId,
    permissions: Type.Optional(permissions),
    ips: Type.Optional(ips),
    expires_at: Type.Optional(expiresAt),
    comment: Type.Optional(comment),
    enable: Type.Optional(
      Type.Boolean({ description: 'false keeps the key from being used until it is turned on again' }),
    ),
  },
  { minProperties: 2 },
)

export const Key = Closed({
  key_id: KeyId,
  principal: Closed({ id: Type.String(), kind: Type.String() }),
  permissions: shownPermissions,
  ips: shownAddresses(),
  enable: Type.Boolean(),
  expires_at: expiresAt,
  revoked_at: Type.Union([Type.Integer(), Type.Null()]),
  created_by: Type.String({ description: 'id of the key that made it, or who else did' }),
  comment: Type.String(),
  created_at: Type.Integer(),
  last_used_at: Type.Union([Type.Integer(), Type.Null()]),
  last_address: Type.Union([Type.String(), Type.Null()]),
})
export const ListKeys = Closed(pages)
export const ListedKeys = Closed({ keys: Page(Key), paging: Paging })

export const RotateKey = Closed({ key: KeyId, grace: Type.Optional(grace) })
export const RotatedKey = Closed({
  key_id: KeyId,
  secret: Secret('the new signing secret, shown once'),
  old_secret_until: Type.Integer({ description: 'Unix seconds' }),
})

export const RevokeKey = Closed({
  key: KeyId,
  cascade: Type.Optional(Type.Boolean({ description: 'end every key and access token that was made with it, too' })),
})
/** Ids that `keys/revoke` tells of what it ended: with cascade that may be any number. */
export const mostRevoked = 1_000
export const RevokedKeys = Closed({
  revoked: Type.Array(KeyId, {
    maxItems: mostRevoked,
    description: 'ids of the keys that were ended, the first 1,000',
  }),
  revoked_total: Type.Integer({ description: 'how many keys were ended' }),
  tokens: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: mostRevoked,
      description: 'ids of the access tokens that were ended, the first 1,000',
    }),
  ),
  tokens_total: Type.Optional(Type.Integer({ description: 'how many access tokens were ended' })),
})
