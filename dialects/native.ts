import { isDone } from '../schemas/codes.js'
import { type Dialect, type Exchange, handleTimeText, type Outcome } from '../src/dialect.js'
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
    return { status: outcome.entry.http, body: JSON.stringify(nativeReply(outcome, exchange)) }
  },
}

function nativeReply(outcome: Outcome, exchange: Exchange): object {
  const { entry, detail } = outcome
  return {
    code: entry.code,
    status: isDone(entry.code) && !outcome.refused ? 'success' : 'failure',
    message: detail.message ?? entry.message,
    cmd: outcome.command,
    request_id: exchange.requestId,
    server_time: exchange.serverTime,
    handle_time: handleTimeText(exchange),
    replayed: outcome.replayed || undefined,
    dry_run: outcome.dryRun || undefined,
    errors: detail.errors,
    skew: detail.skew,
    retry_after: detail.retryAfter,
    suggestion: detail.suggestion,
    address: detail.address,
    result: outcome.result,
  }
}
