import { ListDevices, ListedDevices } from '../../schemas/devices.js'
import { command } from '../../src/command.js'

export default command({
  name: 'device-passwords/list',
  summary: 'List the logins of devices, oldest first, without their passwords',
  permission: 'devices:read',
  params: ListDevices,
  result: ListedDevices,
  codes: ['DEVICE_PASSWORDS_LISTED'],
  example: { params: {}, after: ['device-passwords/create'] },
  async run({ page, pagesize }, { store }) {
    const { devices, total } = await store.devicePasswords.list(page, pagesize)
    return ['DEVICE_PASSWORDS_LISTED', { device_passwords: devices, paging: { page, pagesize, total } }]
  },
})
