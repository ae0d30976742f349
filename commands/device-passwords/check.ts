import { CheckDevice, CheckedDevice } from '../../schemas/devices.js'
import { command } from '../../src/command.js'

export default command({
  name: 'device-passwords/check',
  summary: 'Tell a streaming server whether a device may log in now: its password is right, and valid',
  permission: 'devices:read',
  params: CheckDevice,
  result: CheckedDevice,
  codes: ['DEVICE_REFUSED', 'DEVICE_OUTSIDE_VALIDITY', 'DEVICE_ADMITTED'],
  example: {
    params: { user_name: 'anwmhaxchr2k', password: 'j5d10v7dwvqnkyzd41wk5tkct9' },
    after: ['device-passwords/create'],
  },
  target: ({ user_name }) => user_name,
  async prepare({ user_name, password }, { store, passwords }) {
    const hash = (await store.devicePasswords.find(user_name))?.hash
    return { hash, right: await passwords.verify(password, hash) }
  },
  async run({ user_name }, { store, now, prepared }) {
    const device = await store.devicePasswords.find(user_name)
    // It may have been revoked while its password was looked at.
    if (!device || !prepared.right || device.hash !== prepared.hash) return ['DEVICE_REFUSED']
    const { device_name, valid_from, valid_until } = device
    const validity = { device_name, valid_from, valid_until }
    const valid = valid_from <= now && (valid_until === null || now < valid_until)
    return [valid ? 'DEVICE_ADMITTED' : 'DEVICE_OUTSIDE_VALIDITY', validity]
  },
})
