import { ListedKeys, ListKeys } from '../../schemas/keys.js'
import { command, type KeyInfo } from '../../src/command.js'

export default command({
  name: 'keys/list',
  summary: 'List the keys of the account, without their secrets',
  permission: 'keys:read',
  params: ListKeys,
  result: ListedKeys,
  codes: ['KEYS_LISTED'],
  example: { params: {}, after: ['keys/create'] },
  async run({ page, pagesize }, { store }) {
    const { keys, total } = await store.accountKeys.page(page, pagesize)
    return ['KEYS_LISTED', { keys: keys.map(shown), paging: { page, pagesize, total } }]
  },
})

const shown = (key: KeyInfo) => ({
  key_id: key.keyId,
  principal: key.principal,
  permissions: [...key.permissions],
  ips: [...key.addresses],
  enable: key.enable,
  expires_at: key.expiresAt,
  revoked_at: key.revokedAt,
  created_by: key.createdBy,
  comment: key.comment,
  created_at: key.createdAt,
  last_used_at: key.lastUsedAt,
  last_address: key.lastAddress,
})
