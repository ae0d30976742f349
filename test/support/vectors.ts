import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './instance.js'

/** A request that must be taken. */
export interface RequestVector {
  readonly reason: string
  readonly api_key: string
  /** The text that the signature is over. */
  readonly signed: string
  readonly mac_base64: string
  readonly mac_hex: string
  readonly body: string
  readonly header?: string
  /** `last`: what a client sends that appends the signature. */
  readonly signature_is?: 'last'
  readonly value: unknown
  readonly code: number
}

export interface ReplyVector {
  readonly reason: string
  readonly secret: string
  readonly request_mac: string
  readonly status: number
  readonly body: string
  readonly header: string | null
  readonly authentic: boolean
}

/** A request that must be refused; `genuine`: the signature is nevertheless the right MAC, canonically spelled. */
export interface RefusalVector {
  readonly reason: string
  readonly api_key: string
  readonly signed: string
  readonly signature: unknown
  readonly genuine: boolean
  readonly body: string
  readonly header?: string
  readonly code: number
}

/** The cases that clients and server share. */
export interface Vectors {
  /** Unix seconds: the clock of the server that judges them. */
  readonly timestamp: number
  readonly keys: readonly { readonly reason: string; readonly api_key: string; readonly secret: string }[]
  readonly requests: readonly RequestVector[]
  readonly values: readonly { readonly reason: string; readonly value: unknown }[]
  readonly replies: readonly ReplyVector[]
  readonly refusals: readonly RefusalVector[]
}

export const vectors: Vectors = JSON.parse(readFileSync(join(root, 'clients/vectors.json'), 'utf8'))

/** A command of the operator's that says what it understood, as a module of `COUNTERSIGN_COMMANDS`. */
export const echoModule = `export default ({ Type }) => ({
  name: 'test/echo',
  summary: 'Say what was understood',
  permission: null,
  params: Type.Object({ value: Type.Unsafe({}) }, { additionalProperties: false }),
  result: Type.Object({ text: Type.String() }, { additionalProperties: false }),
  codes: { ECHOED: { code: 10001, message: 'Echoed' } },
  run: async ({ value }) => ['ECHOED', { text: JSON.stringify(value) }],
})
`
