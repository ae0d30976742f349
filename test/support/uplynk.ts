import { createHmac } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import type { Wire } from '../../src/dialect.js'
import type { TestInstance } from './instance.js'

/** Who signs: `owner` is the id of a principal or of a key. */
export interface Signer {
  readonly owner: string
  readonly secret: string
}

/** The form of a signed msg; `msg` is taken as it is. */
export function formOf(msg: string, secret: string): string {
  const sig = createHmac('sha256', secret).update(msg).digest('hex')
  return String(new URLSearchParams({ msg, sig }))
}

export const msgOf = (members: object): string => deflateSync(JSON.stringify(members)).toString('base64')

export const uplynkWire = (command: string): Partial<Wire> => ({
  path: `/control/api2/${command}`,
  contentType: 'application/x-www-form-urlencoded',
})

/** The JSON of a reply of the dialect; members that are not there are undefined. */
export interface UplynkReply {
  readonly error: number
  readonly msg?: string
  readonly replayed?: boolean
  readonly id?: string
  readonly key_id?: string
  readonly api_key?: string | null
  readonly all_api_keys?: Readonly<Record<string, { enabled: boolean }>> | null
  // biome-ignore lint/suspicious/noExplicitAny: results are as different as the commands
  readonly [member: string]: any
}

/** Sends a form to the path of a command. */
export async function sendForm(gateway: TestInstance, command: string, form: string): Promise<UplynkReply> {
  return JSON.parse((await gateway.post(form, uplynkWire(command))).body)
}

/** Calls a command as Uplynk's clients do. */
export function callUplynk(
  gateway: TestInstance,
  command: string,
  params: object,
  { owner, secret }: Signer,
): Promise<UplynkReply> {
  const msg = msgOf({ ...params, _owner: owner, _timestamp: gateway.seconds() })
  return sendForm(gateway, command, formOf(msg, secret))
}
