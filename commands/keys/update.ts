import { KeyRef, UpdateKey } from '../../schemas/keys.js'
import { command, mostLiveKeys, requireGrantable, requireOver } from '../../src/command.js'

export default command({
  name: 'keys/update',
  summary: 'Change what a key may do, where and until when it works, its comment, or turn it off and on',
  permission: 'keys:write',
  params: UpdateKey,
  result: KeyRef,
  codes: ['KEY_NOT_UPDATED', 'KEY_NOT_REVIVED', 'KEY_UPDATED'],
  target: ({ key }) => key,
  async run({ key, ips, expires_at: expiresAt, permissions, comment, enable }, { caller, store, now, audit }) {
    const before = await store.accountKeys.find(key)
    if (!before || before.revokedAt !== null) return ['KEY_NOT_UPDATED']
    requireOver(caller, before)
    requireGrantable(caller, { permissions, ips, expires_at: expiresAt })
    await store.accountKeys.update(key, { permissions, addresses: ips, expiresAt, comment, enable })
    const after = await store.accountKeys.find(key)
    if (after) requireOver(caller, after)
    const revives = enable === true || expiresAt !== undefined
    if (revives && (await store.accountKeys.countLive(before.principal, now)) > mostLiveKeys) return ['KEY_NOT_REVIVED']
    audit(before, after)
    return ['KEY_UPDATED', { key }]
  },
})
