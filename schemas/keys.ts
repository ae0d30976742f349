import { Closed, Int, Moment, Secret, Text, Type } from './types.js'

const KeyId = Type.String({ minLength: 1, maxLength: 128, description: 'public id of the key' })

export const permissions = Type.Array(
  Type.String({
    maxLength: 64,
    pattern: '^(\\*|\\*:read|[a-z][a-z-]*:(read|write|\\*))$',
    description: 'noun:read, noun:write, noun:*, *:read or *',
  }),
  { maxItems: 64, description: 'never more than you hold' },
)
/** Addresses and CIDR blocks; `src/address.ts` reads them exactly. */
export const addresses = (description: string) =>
  Type.Array(Type.String({ maxLength: 64, pattern: '^[0-9A-Fa-f.:/]+$', description: 'address or CIDR block' }), {
    maxItems: 256,
    description,
  })
const ips = addresses('where the key may be used from; empty is anywhere')
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
  permissions: Type.Array(Type.String()),
  ips: Type.Array(Type.String()),
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
  permissions: Type.Array(Type.String()),
  ips: Type.Array(Type.String()),
  enable: Type.Boolean(),
  expires_at: expiresAt,
  revoked_at: Type.Union([Type.Integer(), Type.Null()]),
  created_by: Type.String({ description: 'id of the key that made it, or who else did' }),
  comment: Type.String(),
  created_at: Type.Integer(),
  last_used_at: Type.Union([Type.Integer(), Type.Null()]),
  last_address: Type.Union([Type.String(), Type.Null()]),
})
export const ListedKeys = Closed({ keys: Type.Array(Key) })

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
export const RevokedKeys = Closed({
  revoked: Type.Array(KeyId),
  tokens: Type.Optional(Type.Array(Type.String(), { description: 'ids of the access tokens that were ended' })),
})
