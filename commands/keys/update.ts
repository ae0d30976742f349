import { KeyRef, UpdateKey } from '../../schemas/keys.js'
import {
  command,
  type KeyInfo,
  mostLiveKeys,
  requireGrantable,
  requireOver,
  requireUpdatable,
} from '../../src/command.js'

export default command({
  name: 'keys/update',
  summary: 'Change what a key may do, where and until when it works, its comment, or turn it off and on',
  permission: 'keys:write',
  params: UpdateKey,
  result: KeyRef,
  codes: ['KEY_NOT_UPDATED', 'KEY_NOT_REVIVED', 'KEY_UPDATED'],
  example: {
    params: { key: 'ck_fuXPw9RjictgQd9E8hqqvT', ips: [], comment: 'playout, from anywhere' },
    after: ['keys/create'],
  },
  target: ({ key }) => key,
  changesRights: () => ({}),
  async run({ key, ips, expires_at: expiresAt, permissions, comment, enable }, { caller, store, now, audit }) {
    const before = await store.accountKeys.find(key)
    if (!before || before.revokedAt !== null) return ['KEY_NOT_UPDATED']
    requireOver(caller, before)
    requireGrantable(caller, { permissions, ips, expires_at: expiresAt })
    await store.accountKeys.update(key, { permissions, addresses: ips, expiresAt, comment, enable })
    const after = await store.accountKeys.find(key)
    if (after) requireUpdatable(caller, before, after)
    const revives = enable === true || expiresAt !== undefined
    if (revives && (await store.accountKeys.countLive(before.principal, now)) > mostLiveKeys) return ['KEY_NOT_REVIVED']
    audit(...differing(before, after))
    return ['KEY_UPDATED', { key }]
  },
})

const audited = ({ permissions, addresses, expiresAt, comment, enable }: KeyInfo): [string, unknown][] => [
  ['permissions', permissions],
  ['ips', addresses],
  ['expires_at', expiresAt],
  ['comment', comment],
  ['enable', enable],
]

/** What of a key is another now: as it was, as it is. */
function differing(before: KeyInfo, after: KeyInfo = before): [before: object, after: object] {
  const is = audited(after)
  const names = audited(before).flatMap(([name, was], at) =>
    JSON.stringify(was) === JSON.stringify(is[at]?.[1]) ? [] : [name],
  )
  const only = (key: KeyInfo) => Object.fromEntries(audited(key).filter(([name]) => names.includes(name)))
  return [only(before), only(after)]
}
