import { DeviceRef } from '../../schemas/devices.js'
import { Nothing } from '../../schemas/types.js'
import { command } from '../../src/command.js'

export default command({
  name: 'device-passwords/revoke',
  summary: 'End the login of a device',
  permission: 'devices:write',
  params: DeviceRef,
  result: Nothing,
  codes: ['DEVICE_PASSWORD_NOT_REVOKED', 'DEVICE_PASSWORD_REVOKED'],
  example: { params: { user_name: 'anwmhaxchr2k' }, after: ['device-passwords/create'] },
  target: ({ user_name }) => user_name,
  lock: false,
  async run({ user_name }, { store, audit }) {
    const removed = await store.devicePasswords.remove(user_name)
    if (!removed) return ['DEVICE_PASSWORD_NOT_REVOKED']
    audit(removed, undefined)
    return ['DEVICE_PASSWORD_REVOKED']
  },
})
