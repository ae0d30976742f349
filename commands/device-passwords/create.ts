import { CreateDevice, CreatedDevice } from '../../schemas/devices.js'
import { command, invalid } from '../../src/command.js'

const mostDevices = 10_000

export default command({
  name: 'device-passwords/create',
  summary: 'Make a login for a device that broadcasts; its password is generated and shown once',
  permission: 'devices:write',
  params: CreateDevice,
  result: CreatedDevice,
  codes: ['DEVICE_PASSWORD_NOT_CREATED', 'DEVICE_PASSWORD_CREATED'],
  example: { params: { device_name: 'Sample Device 1', valid_from: 1795332418, valid_until: 1798761600 } },
  async prepare(_wanted, { passwords, readable }) {
    const password = readable(26)
    return { user_name: readable(12), password, hash: await passwords.hash(password) }
  },
  async run(wanted, { store, now, prepared, audit }) {
    requireValidity(wanted, now)
    if ((await store.devicePasswords.count()) >= mostDevices) return ['DEVICE_PASSWORD_NOT_CREATED']
    const { device_name, valid_from, valid_until = null } = wanted
    const { user_name, password, hash } = prepared
    const device = { device_name, user_name, created_at: now, valid_from, valid_until }
    await store.devicePasswords.insert(device, hash)
    audit(undefined, device)
    return ['DEVICE_PASSWORD_CREATED', { device_name, user_name, password, valid_from, valid_until }]
  },
})

/** A password that could never let a device in is a mistake of whoever asks for it. */
function requireValidity({ valid_from: from, valid_until: until }: CreateDevice, now: number): void {
  if (until === undefined || until === null) return
  if (until <= from) throw invalid('/valid_until', 'must be later than valid_from')
  if (until <= now) throw invalid('/valid_until', 'has passed already')
}
