import { type Cause, cause, type Explanation, explain, type OtherSecret } from '../explain.js'
import { exits } from './exits.js'
import type { Tools } from './tools.js'

/** What a client may have signed with: the right secret, and what else lies about. */
export interface Candidates {
  readonly secret: string
  readonly others: readonly OtherSecret[]
}

export const wholeFile: Cause = cause(
  'key-file-as-secret',
  'the whole text of the key file was used as the secret',
  'use the member secret of the JSON in it',
)
export const adminSecret: Cause = cause(
  'another-secret',
  'it was signed with the secret in the data folder’s admin-key.json',
  'sign with the secret that belongs to the api_key of the message',
)

/** Says which bytes of a body must be signed, and why a MAC is not theirs. Ends with 0 when it could say so. */
export function explainMac(tools: Tools, body: Buffer, mac: string, { secret, others }: Candidates): void {
  const explanation = explain(body, mac, secret, others)
  const hidden = [secret, ...others.map((other) => other.secret)].filter((text) => text.length >= shortestSecret)
  for (const line of [...signedLines(explanation.signed, hidden), ...verdict(explanation, mac)]) tools.print(line)
  const { right, causes } = explanation
  tools.exit(right || causes.length > 0 ? exits.done : exits.notDone)
}

function verdict({ right, causes, notes }: Explanation, mac: string): string[] {
  const told = notes.map((note) => `note: ${note}`)
  if (right) return ['right: this is the MAC of these bytes', ...told]
  if (causes.length > 0) {
    const whats = causes.map(({ what }) => what).join(', and ')
    const insteads = [...new Set(causes.map(({ instead }) => instead))].join('; ')
    return [`cause: ${whats}: ${insteads}`, ...told]
  }
  if (mac.length < shortestMac || !/^[\w+/=:. -]+$/.test(mac)) {
    const characters = `${mac.length} character${mac.length === 1 ? '' : 's'}`
    return [`cause: this is no MAC: it has ${characters}, an HMAC-SHA256 is 44 of base64 or 64 of hex`, ...told]
  }
  return [
    'cause: not found. Nothing that clients are known to do to body, secret and MAC makes this one: probably another secret was used',
    'next: log the bytes that the client signs, as hex, and compare them with the ones above',
    ...told,
  ]
}

const shortestSecret = 6
/** An MD5 in base64, unpadded. */
const shortestMac = 22
const viewed = 48

function signedLines(bytes: Buffer, hidden: readonly string[]): string[] {
  const whole = bytes.length <= 2 * viewed
  const parts = whole ? [bytes] : [bytes.subarray(0, viewed), bytes.subarray(-viewed)]
  const names = whole ? [''] : [' first', ' last']
  return [
    `must be signed: ${bytes.length} bytes`,
    ...parts.flatMap((part, index) => [
      `${names[index]} text: ${escaped(part, bytes, hidden)}`.trimStart(),
      `${names[index]} hex:  ${holdsSecret(bytes, hidden) ? '(not shown: the body holds the secret)' : spelledHex(part)}`.trimStart(),
    ]),
  ]
}

/** The secret is never shown, not even where the body holds it. */
const holdsSecret = (bytes: Buffer, hidden: readonly string[]) => hidden.some((text) => bytes.includes(text))

function escaped(part: Buffer, all: Buffer, hidden: readonly string[]): string {
  if (holdsSecret(all, hidden)) return '(not shown: the body holds the secret)'
  return part
    .toString('latin1')
    .replace(/\\/g, '\\\\')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\t/g, '\\t')
    .replace(/[^ -~]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

const spelledHex = (bytes: Buffer) => bytes.toString('hex').replace(/..(?=.)/g, '$& ')
