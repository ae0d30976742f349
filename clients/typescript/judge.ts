import { codes, resendable, undecided, unprovable } from './codes.js'
import type { Answer } from './transport.js'

/** What to do after an answer. `sure`: with `again`, that this attempt has done nothing. */
export type Verdict =
  | { readonly kind: 'done' | 'refused' }
  | { readonly kind: 'stale'; readonly serverTime: number }
  | { readonly kind: 'again'; readonly sure: boolean; readonly what: string; readonly refused: boolean }
  | { readonly kind: 'unproven'; readonly what: string }

/** Reads one answer as protocol §7 says: what is not signed proves nothing. */
export const judge = (answer: Answer): Verdict => (answer.authentic ? judgeSigned(answer) : judgeUnsigned(answer))

function judgeSigned({ json }: Answer): Verdict {
  if (!json) return { kind: 'unproven', what: 'the reply is signed but is not a reply of a gateway' }
  const { code, status, server_time: serverTime } = json
  if (status === 'success') return { kind: 'done' }
  if (resendable.has(code)) return { kind: 'again', sure: !undecided.has(code), what: json.message, refused: true }
  if (code === codes.STALE && typeof serverTime === 'number') return { kind: 'stale', serverTime }
  return { kind: 'refused' }
}

function judgeUnsigned({ status, json }: Answer): Verdict {
  const page = json === undefined ? 'something that is no gateway' : 'an unsigned reply'
  if (status >= 500) return { kind: 'again', sure: false, what: `HTTP ${status}, ${page}`, refused: false }
  if (status >= 300 && status < 400)
    return { kind: 'unproven', what: `HTTP ${status}: redirects are not followed; give the URL of the gateway itself` }
  const refused = json !== undefined && json.status !== 'success' && unprovable.has(json.code)
  if (status === tooMany) return { kind: 'again', sure: false, what: `HTTP ${status}, ${page}`, refused }
  if (status < 300 && !json) return { kind: 'again', sure: false, what: `HTTP ${status}, ${page}`, refused: false }
  if (refused) return { kind: 'refused' }
  const what = json ? 'the signature of the reply is missing or wrong: do not believe it' : `HTTP ${status}, ${page}`
  return { kind: 'unproven', what }
}

/** HTTP 429: a limit of the gateway, by address, or of a proxy in front of it. */
const tooMany = 429
