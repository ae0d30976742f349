import { isDone, scaleengineCodes } from '../schemas/codes.js'
import { type Dialect, handleTimeText, type Outcome } from '../src/dialect.js'
import type { Fault } from '../src/refusal.js'
import { malformed } from '../src/refusal.js'
import { readMessage } from './envelope.js'

const required = ['command', 'cdn', 'api_key', 'timestamp', 'signature']

/** ScaleEngine's dialect: JSON with `command`, as the body or in the form field `json`; signed in the body. */
export const scaleengine: Dialect = {
  name: 'scaleengine',
  recognises({ json, form }) {
    if (json?.value.command !== undefined && json.value.cmd !== undefined) return false
    return form ? form.has('json') : json?.value.command !== undefined
  },
  decode({ json, wire }) {
    if (!json) throw malformed('json: expected a JSON object')
    const missing = required.filter((name) => json.value[name] === undefined)
    if (missing.length > 0) throw malformed(missingFields(missing))
    if (wire.signature !== undefined) throw malformed('signature: this dialect signs in the body, not in the header')
    return readMessage(json, 'command')
  },
  encode(outcome, exchange) {
    const { entry, detail } = outcome
    const reply = {
      code: (outcome.refused ? scaleengineCodes.get(outcome.code) : undefined) ?? entry.code,
      message: message(outcome),
      status: isDone(entry.code) && !outcome.refused ? 'success' : 'failure',
      handle_time: handleTimeText(exchange),
      replayed: outcome.replayed || undefined,
      dry_run: outcome.dryRun || undefined,
      ...(outcome.code === 'STALE' && { server_time: exchange.serverTime, skew: detail.skew }),
      retry_after: detail.retryAfter,
      suggestion: detail.suggestion,
      address: detail.address,
      errors: detail.errors,
      ...outcome.result,
    }
    const busy = outcome.refused && (entry.http === 429 || entry.http === 503)
    return { status: busy ? entry.http : 200, body: JSON.stringify(reply) }
  },
}

const missingFields = (names: readonly string[]) => `One or more required fields are missing: ${names.join(', ')}`

function message({ entry, detail }: Outcome): string {
  if (!detail.errors?.length) return detail.message ?? entry.message
  const missing = detail.errors.filter(isMissing)
  if (missing.length > 0) return missingFields([...new Set(missing.map(({ path }) => path.slice(1)))])
  return detail.errors.map(({ path, message }) => `${path.slice(1) || 'request'}: ${message}`).join('; ')
}

const isMissing = (fault: Fault): boolean => fault.message === 'is required'
