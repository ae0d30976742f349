import { RotatedKey, RotateKey } from '../../schemas/keys.js'
import { ceilingOf, command, endFor, requireShowable } from '../../src/command.js'

const defaultGrace = 3_600

export default command({
  name: 'keys/rotate',
  summary: 'Give a key a new secret; the old one goes on working for the grace time',
  permission: 'keys:write',
  params: RotateKey,
  result: RotatedKey,
  codes: ['KEY_NOT_ROTATED', 'KEY_ROTATED'],
  example: { params: { key: 'ck_fuXPw9RjictgQd9E8hqqvT', grace: 600 }, after: ['keys/create'] },
  target: ({ key }) => key,
  changesRights: () => ({}),
  async run({ key, grace = defaultGrace }, { caller, store, now, newKey, audit }) {
    const before = await store.accountKeys.find(key)
    if (!before || before.revokedAt !== null) return ['KEY_NOT_ROTATED']
    requireShowable(caller, before)
    const { secret } = newKey()
    const made = { secret, ceiling: ceilingOf(caller.permissions), end: endFor(caller, before.principal) }
    const rotated = await store.accountKeys.rotate(key, made, now + grace)
    if (!rotated) return ['KEY_NOT_ROTATED']
    audit(undefined, { old_secret_until: now + grace })
    return ['KEY_ROTATED', { key_id: key, secret, old_secret_until: now + grace }]
  },
})
