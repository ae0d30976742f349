import { isDone } from '../schemas/codes.js'
import { type Dialect, type Exchange, handleTimeText, type Outcome } from '../src/dialect.js'
import { quoted } from '../src/json.js'
import { malformed } from '../src/refusal.js'
import { readMessage } from './envelope.js'

/** The gateway's own dialect: JSON with `cmd`, signed in the body or in the `Countersign-Signature` header. */
export const native: Dialect = {
  name: 'native',
  recognises: () => true,
  decode({ json, form, wire }) {
    if (json?.value.command !== undefined) {
      throw malformed(json.value.cmd === undefined ? 'cmd: missing' : 'cmd and command: give one of them')
    }
    if (!json || form) throw malformed('expected a JSON object with cmd, api_key, timestamp and signature')
    const header = wire.signature
    return readMessage(json, 'cmd', header === undefined ? undefined : { signed: wire.body, mac: header })
  },
  encode(outcome, exchange) {
    return { status: outcome.entry.http, body: nativeReply(outcome, exchange) }
  },
}

/** Put together by hand: what nearly every reply has takes half as long as to stringify an object of it. A request id, made here, needs no escapes. */
function nativeReply(
  { entry, refused, detail, command, replayed, dryRun, result, json }: Outcome,
  exchange: Exchange,
): string {
  const status = isDone(entry.code) && !refused ? 'success' : 'failure'
  let text = `{"code":${entry.code},"status":"${status}","message":${quoted(detail.message ?? entry.message)}`
  if (command !== undefined) text += `,"cmd":${quoted(command)}`
  text += `,"request_id":"${exchange.requestId}","server_time":${exchange.serverTime},"handle_time":"${handleTimeText(exchange)}"`
  if (replayed) text += ',"replayed":true'
  if (dryRun) text += ',"dry_run":true'
  if (refused)
    text += members({
      errors: detail.errors,
      skew: detail.skew,
      retry_after: detail.retryAfter,
      suggestion: detail.suggestion,
      address: detail.address,
    })
  // What an operator's module answers may say that it is nothing as JSON.
  const shown: string | undefined = json ?? JSON.stringify(result)
  return shown === undefined ? `${text}}` : `${text},"result":${shown}}`
}

/** The members of an object to which others come before and after. */
function members(object: object): string {
  const text = JSON.stringify(object).slice(1, -1)
  return text && `,${text}`
}
