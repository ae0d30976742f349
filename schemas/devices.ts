import { Closed, Moment, Name, Page, Paging, pages, Secret, type Static, Type } from './types.js'

const UserName = Type.String({ minLength: 1, maxLength: 64, description: 'generated login of the device' })
const deviceName = Name(256, 'name of the device, for people')
const validFrom = Moment('from when the password lets the device in')
const validUntil = Type.Union([Moment('until when the password lets the device in'), Type.Null()], {
  description: 'until when the password lets the device in (Unix seconds); null is for ever',
})

const DevicePassword = Closed({
  device_name: Type.String(),
  user_name: UserName,
  created_at: Moment('when it was made'),
  valid_from: validFrom,
  valid_until: validUntil,
})
export const ListDevices = Closed(pages)
export const ListedDevices = Closed({ device_passwords: Page(DevicePassword), paging: Paging })

export const CreateDevice = Closed({
  device_name: deviceName,
  valid_from: validFrom,
  valid_until: Type.Optional(validUntil),
})
export type CreateDevice = Static<typeof CreateDevice>
export const CreatedDevice = Closed({
  device_name: Type.String(),
  user_name: UserName,
  password: Secret('password of the device, shown once'),
  valid_from: validFrom,
  valid_until: validUntil,
})

export const DeviceRef = Closed({ user_name: UserName })

export const CheckDevice = Closed({
  user_name: UserName,
  password: Type.String({ minLength: 1, maxLength: 1024, description: 'what the device gave' }),
})
export const CheckedDevice = Closed({ device_name: Type.String(), valid_from: validFrom, valid_until: validUntil })
