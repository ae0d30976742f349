import { nanoid } from 'nanoid'
import type { Wire } from '../../src/dialect.js'
import type { TestInstance } from './instance.js'

export interface Answer {
  readonly status: number
  /** The JSON of the body; undefined where it is empty. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of several shapes
  readonly json: any
  readonly headers: ReadonlyMap<string, string>
}

/** Sends JSON with the password of a panel user, as an Astra client does; `login` is `LOGIN:PASSWORD`. */
export async function byPassword(
  gateway: TestInstance,
  login: string,
  message: object,
  wire: Partial<Wire> = {},
): Promise<Answer> {
  const authorization = `Basic ${Buffer.from(login).toString('base64')}`
  const { status, body, headers } = await gateway.post(JSON.stringify(message), { authorization, ...wire })
  return { status, json: JSON.parse(body), headers: new Map(headers) }
}

/** Sends a request with a bearer token, as an IBM client does; `target` is `METHOD PATH?QUERY`. */
export async function byToken(
  gateway: TestInstance,
  token: string,
  target: string,
  fields: Readonly<Record<string, string>> = {},
  wire: Partial<Wire> = {},
): Promise<Answer> {
  const [method = '', url = ''] = target.split(' ')
  const [path = '', query = ''] = url.split('?')
  const { status, body, headers } = await gateway.post(new URLSearchParams(fields).toString(), {
    contentType: 'application/x-www-form-urlencoded',
    authorization: `Bearer ${token}`,
    ...wire,
    method,
    path,
    query,
  })
  return { status, json: body === '' ? undefined : JSON.parse(body), headers: new Map(headers) }
}

/** Makes or changes a panel user of account 1. */
export async function setUser(gateway: TestInstance, id: string, user: object): Promise<void> {
  const { code } = await gateway.call('set-user', { id, user }, { idempotencyKey: nanoid() })
  if (code !== 3011 && code !== 3013) throw new Error(`set-user answered ${code}`)
}
