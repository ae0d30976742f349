import { Subowner, UpdateSubowner } from '../../schemas/subowners.js'
import {
  command,
  heldBySubowner,
  renewSubownerKey,
  requireOverSubowner,
  requireRaisable,
  shownKeysOf,
  shownSubowner,
  subownerKeyLimits,
} from '../../src/command.js'

const defaultGrace = 3_600

export default command({
  name: 'subowners/update',
  summary: 'Change the password or the permissions of a subowner, or give it a new signing secret',
  permission: 'subowners:write',
  params: UpdateSubowner,
  result: Subowner,
  codes: ['SUBOWNER_NOT_UPDATED', 'SUBOWNER_NOT_REKEYED', 'SUBOWNER_UPDATED'],
  example: {
    params: { id: '906b31ce74d3fb290f38d80fd0c6bf9c', permissions: ['slice', 'api'], newkey: 1, grace: 600 },
    after: ['subowners/create'],
  },
  target: ({ id }) => id,
  changesRights: () => ({}),
  async prepare({ password }, { passwords }) {
    return password === undefined ? undefined : await passwords.hash(password)
  },
  async run({ id, permissions: wanted, newkey, grace = defaultGrace }, context) {
    const { caller, store, now, prepared: password, audit } = context
    const before = await store.subowners.find(id)
    if (!before) return ['SUBOWNER_NOT_UPDATED']
    const permissions = wanted && [...new Set(wanted)]
    requireOverSubowner(caller, before.permissions)
    if (permissions) {
      requireOverSubowner(caller, permissions)
      requireRaisable(caller, before.permissions, permissions, await subownerKeyLimits(context, id))
    }
    const renewed = newkey === 1 ? await renewSubownerKey(before, grace, context) : undefined
    if (newkey === 1 && !renewed) return ['SUBOWNER_NOT_REKEYED']
    const change = { password, permissions, keyId: renewed?.keyId }
    await store.subowners.update(id, change, permissions && heldBySubowner(permissions), now)
    audit(
      { ...(permissions && { permissions: before.permissions }), ...(renewed && { key_id: before.keyId }) },
      {
        ...(permissions && { permissions }),
        ...(password !== undefined && { password: 'changed' }),
        ...(renewed && { key_id: renewed.keyId, old_key_until: renewed.oldUntil }),
      },
    )
    const after = { ...before, permissions: permissions ?? before.permissions, keyId: renewed?.keyId ?? before.keyId }
    const shown = shownSubowner(after, await shownKeysOf(after, context), context)
    return ['SUBOWNER_UPDATED', renewed ? { ...shown, api_key: renewed.secret } : shown]
  },
})
