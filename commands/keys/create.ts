import { CreatedKey, CreateKey } from '../../schemas/keys.js'
import { command, makerOf, mostLiveKeys, requireGrantable, signerFor } from '../../src/command.js'

export default command({
  name: 'keys/create',
  summary: 'Make a further key for yourself, with what you hold or less',
  permission: 'keys:write',
  params: CreateKey,
  result: CreatedKey,
  codes: ['KEY_NOT_CREATED', 'KEY_CREATED'],
  example: {
    params: {
      permissions: ['streams:*', 'users:read'],
      ips: ['192.0.2.0/24'],
      expires_at: 1798761600,
      comment: 'playout',
    },
  },
  async run(wanted, { caller, store, now, newKey, audit }) {
    const permissions = wanted.permissions ?? caller.permissions.filter((permission) => permission !== 'instance')
    const ips = wanted.ips ?? caller.addresses?.entries ?? []
    const expiresAt = wanted.expires_at ?? (wanted.expires_at === undefined ? caller.expiresAt : null)
    requireGrantable(caller, { permissions, ips, expires_at: expiresAt })
    const principal = await signerFor(caller, store)
    if ((await store.accountKeys.countLive(principal, now)) >= mostLiveKeys) return ['KEY_NOT_CREATED']
    const { keyId, secret } = newKey()
    await store.keys.insert(
      {
        keyId,
        secret,
        account: caller.account,
        principal,
        permissions,
        addresses: ips,
        expiresAt,
        ...makerOf(caller),
        comment: wanted.comment ?? '',
      },
      now,
    )
    const made = { key_id: keyId, permissions: [...permissions], ips: [...ips], expires_at: expiresAt }
    audit(undefined, { ...made, comment: wanted.comment ?? '' })
    return ['KEY_CREATED', { ...made, secret }]
  },
})
