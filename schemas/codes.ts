/** What one result code means: the number on the wire, the HTTP status it travels with, and the text for people. */
export interface CodeEntry {
  readonly code: number
  readonly http: number
  readonly message: string
}

const refused = (code: number, http: number, message: string): CodeEntry => ({ code, http, message })
const done = (code: number, message: string): CodeEntry => ({ code, http: 200, message })
const notDone = (code: number, message: string): CodeEntry => ({ code, http: 409, message })
const absent = (code: number, message: string): CodeEntry => ({ code, http: 404, message })

/** The gateway's own answers (protocol §8). None of them leaves a claim. */
export const gatewayCodes = {
  MALFORMED: refused(1400, 400, 'Malformed request'),
  UNAUTHENTICATED: refused(1401, 401, 'Unknown key or wrong signature'),
  STALE: refused(1402, 401, 'Timestamp outside the accepted window'),
  FORBIDDEN: refused(1403, 403, 'Not permitted'),
  UNKNOWN_COMMAND: refused(1404, 404, 'Unknown command'),
  METHOD_NOT_ALLOWED: refused(1405, 405, 'Method not allowed: use POST'),
  ADDRESS_REFUSED: refused(1406, 403, 'This address is not on the key’s address list'),
  KEY_INACTIVE: refused(1407, 403, 'The key or its principal is disabled, revoked or expired'),
  SLOW: refused(1408, 408, 'The request did not arrive in time'),
  REPLAYED: refused(
    1409,
    409,
    'This signed message was used already: change the timestamp, or send an idempotency_key to be able to resend',
  ),
  IDEMPOTENCY_MISMATCH: refused(1410, 409, 'This idempotency_key was used for another command or other parameters'),
  IN_PROGRESS: refused(1411, 409, 'The same request is still running: send it again'),
  TOO_LARGE: refused(1413, 413, 'The request body is too large'),
  REPLY_TOO_LARGE: refused(
    1414,
    409,
    'The answer is larger than a reply may be: nothing was done; ask for less at once',
  ),
  UNSUPPORTED_MEDIA: refused(1415, 415, 'Send UTF-8 without Content-Encoding'),
  INVALID_PARAMS: refused(1422, 422, 'Invalid parameters'),
  RATE_LIMITED: refused(1429, 429, 'Too many requests: wait, then send it again'),
  INTERNAL: refused(1500, 500, 'Internal error: nothing was kept; give the operator the request id'),
  OVERLOADED: refused(1503, 503, 'Not ready to take this: nothing was run; send it again'),
  TIMED_OUT: refused(1504, 504, 'Timed out: done or not is unknown; send the same message again'),
  STORAGE: refused(1507, 503, 'The storage failed: done or not is unknown; send the same message again'),
} as const satisfies Record<string, CodeEntry>

/** The commands' own answers: even means not done, odd means done. */
export const commandCodes = {
  TICKET_NOT_MADE: notDone(2010, 'Ticket could not be made'),
  TICKET_MADE: done(2011, 'Ticket'),
  TICKET_NOT_FOUND: absent(2020, 'There is no such ticket'),
  TICKET_FOUND: done(2021, 'Ticket'),
  TICKET_NOT_REVOKED: absent(2030, 'There is no such active ticket'),
  TICKET_REVOKED: done(2031, 'Ticket revoked'),
  STREAM_USER_EXISTS: notDone(2060, 'Stream User already exists'),
  STREAM_USER_ADDED: done(2061, 'Stream User Added'),
  STREAM_USERS_LISTED: done(2071, 'Stream Users'),
  STREAM_USER_NOT_REMOVED: absent(2080, 'Stream User could not be removed'),
  STREAM_USER_REMOVED: done(2081, 'Stream User Removed'),
  USER_NOT_FOUND: absent(3000, 'There is no such user'),
  USER_FOUND: done(3001, 'User'),
  USER_NOT_SAVED: notDone(3010, 'User not saved'),
  USER_SAVED: done(3011, 'User saved'),
  USER_NOT_REMOVED: absent(3012, 'There is no such user to remove'),
  USER_REMOVED: done(3013, 'User removed'),
  LAST_ADMINISTRATOR: notDone(3014, 'This is the last enabled administrator'),
  USER_NOT_TOGGLED: absent(3020, 'There is no such user to toggle'),
  USER_TOGGLED: done(3021, 'User toggled'),
  USERS_LISTED: done(3031, 'Users'),
  SUBOWNER_EXISTS: notDone(4000, 'A subowner of this username exists already'),
  SUBOWNER_CREATED: done(4001, 'Subowner created'),
  SUBOWNER_NOT_FOUND: absent(4010, 'There is no such subowner'),
  SUBOWNER_FOUND: done(4011, 'Subowner'),
  SUBOWNERS_LISTED: done(4021, 'Subowners'),
  SUBOWNER_NOT_UPDATED: absent(4030, 'There is no such subowner to update'),
  SUBOWNER_UPDATED: done(4031, 'Subowner updated'),
  SUBOWNER_NOT_REKEYED: notDone(4032, 'No new key was made: a principal has at most five live keys'),
  SUBOWNER_NOT_DELETED: absent(4040, 'There is no such subowner to delete'),
  SUBOWNER_DELETED: done(4041, 'Subowner deleted'),
  DEVICE_PASSWORDS_LISTED: done(5001, 'Device passwords'),
  DEVICE_PASSWORD_NOT_CREATED: notDone(5010, 'Device password not created: an account has at most 10,000'),
  DEVICE_PASSWORD_CREATED: done(5011, 'Device password created: it is shown only now'),
  DEVICE_PASSWORD_NOT_REVOKED: absent(5020, 'There is no such device password'),
  DEVICE_PASSWORD_REVOKED: done(5021, 'Device password revoked'),
  ACCESS_TOKEN_NOT_CREATED: notDone(5030, 'Access token not created: a principal has at most 100 live ones'),
  ACCESS_TOKEN_CREATED: done(5031, 'Access token created: it is shown only now'),
  ACCESS_TOKENS_LISTED: done(5041, 'Access tokens'),
  ACCESS_TOKEN_NOT_REVOKED: notDone(5050, 'There is no such access token'),
  ACCESS_TOKEN_REVOKED: done(5051, 'Access token revoked'),
  DEVICE_REFUSED: notDone(5060, 'Unknown device or wrong password'),
  DEVICE_ADMITTED: done(5061, 'The device may log in'),
  DEVICE_OUTSIDE_VALIDITY: notDone(5062, 'The password is right, but not valid yet or no longer'),
  API_ACCESS_NOT_FOUND: absent(6000, 'There is no such panel user: name one as id'),
  API_ACCESS_FOUND: done(6001, 'API access'),
  API_ACCESS_NOT_ENABLED: absent(6010, 'There is no such panel user to give API access: name one as id'),
  API_ACCESS_ENABLED: done(6011, 'API access turned on: its secret is shown only now'),
  API_ACCESS_EXISTS: notDone(6012, 'API access is on already: api-access/regenerate gives it a new secret'),
  API_ACCESS_TOO_MANY_KEYS: notDone(6014, 'API access not turned on: a principal has at most five live keys'),
  API_ACCESS_NOT_DISABLED: absent(6020, 'There is no API access to turn off'),
  API_ACCESS_DISABLED: done(6021, 'API access turned off'),
  API_ACCESS_NOT_REGENERATED: absent(6030, 'There is no API access that is on'),
  API_ACCESS_REGENERATED: done(6031, 'API access has a new secret: it is shown only now'),
  API_ACCESS_NOT_LISTED: absent(6040, 'There is no API access to keep a white list for'),
  API_ACCESS_WHITELISTED: done(6041, 'White list of the API access saved'),
  KEY_NOT_CREATED: notDone(6100, 'Key not created: a principal has at most five live keys'),
  KEY_CREATED: done(6101, 'Key created: its secret is shown only now'),
  KEYS_LISTED: done(6111, 'Keys'),
  KEY_NOT_UPDATED: absent(6120, 'There is no such live key'),
  KEY_UPDATED: done(6121, 'Key updated'),
  KEY_NOT_REVIVED: notDone(6122, 'Key not turned on: a principal has at most five live keys'),
  KEY_NOT_ROTATED: absent(6130, 'There is no such live key'),
  KEY_ROTATED: done(6131, 'Key rotated: its new secret is shown only now'),
  KEY_NOT_REVOKED: absent(6140, 'There is no such key'),
  KEY_REVOKED: done(6141, 'Key revoked'),
  KEY_EXISTS: notDone(6150, 'A key with this id exists already'),
  KEY_IMPORTED: done(6151, 'Key imported'),
  KEY_NOT_IMPORTED: notDone(6152, 'Key not imported: a principal has at most five live keys'),
  KEY_WITHOUT_ACCOUNT: absent(6154, 'There is no such account: create it first'),
  SERVER_NOT_SAVED: notDone(7000, 'Media server not saved: an account has at most 10,000'),
  SERVER_SAVED: done(7001, 'Media server saved'),
  SERVERS_LISTED: done(7011, 'Media servers'),
  SERVER_NOT_REMOVED: absent(7020, 'There is no such media server'),
  SERVER_REMOVED: done(7021, 'Media server removed'),
  SERVER_ASSIGNED: notDone(7022, 'Media server not removed: a user is assigned it; slices/assign changes that'),
  SLICE_NOT_SAVED: notDone(7100, 'Data slice not saved: an account has at most 1,000'),
  SLICE_SAVED: done(7101, 'Data slice saved'),
  SLICES_LISTED: done(7111, 'Data slices'),
  SLICE_NOT_REMOVED: absent(7120, 'There is no such data slice'),
  SLICE_REMOVED: done(7121, 'Data slice removed'),
  SLICE_ASSIGNED: notDone(7122, 'Data slice not removed: a user is assigned it; slices/assign changes that'),
  SLICES_NOT_ASSIGNED: absent(7130, 'There is no such user, data slice or media server'),
  SLICES_ASSIGNED: done(7131, 'Data slices and media servers assigned'),
  SAMPLES_NOT_TAKEN: absent(7200, 'There is no such media server: servers/set names it'),
  SAMPLES_TAKEN: done(7201, 'Samples taken'),
  REALTIME_NOT_TOLD: absent(7210, 'There is no such media server or data slice'),
  REALTIME_TOLD: done(7211, 'The last minute'),
  INDEPTH_NOT_TOLD: absent(7220, 'There is no such media server or data slice'),
  INDEPTH_TOLD: done(7221, 'Statistics'),
  DAILY_NOT_TOLD: absent(7230, 'There are no statistics of that day'),
  DAILY_TOLD: done(7231, 'Statistics of the day'),
  PONG: done(9001, 'Pong'),
  WHOAMI: done(9011, 'You'),
  COMMANDS_LISTED: done(9021, 'Commands'),
  REQUEST_STATUS: done(9041, 'Request status'),
  ACCOUNT_EXISTS: notDone(9200, 'Account already exists'),
  ACCOUNT_CREATED: done(9201, 'Account created'),
  ACCOUNTS_LISTED: done(9211, 'Accounts'),
  ACCOUNT_NOT_UPDATED: absent(9220, 'There is no such account'),
  ACCOUNT_UPDATED: done(9221, 'Account updated'),
  AUDIT_LISTED: done(9101, 'Audit trail'),
  AUDIT_BROKEN: notDone(9110, 'The audit chain is broken'),
  AUDIT_HOLDS: done(9111, 'The audit chain holds'),
  BATCH_NOT_DONE: notDone(9030, 'Nothing of this batch was done'),
  BATCH_DONE: done(9031, 'Batch done'),
} as const satisfies Record<string, CodeEntry>

/** What only the command line does, and the audit trail names. */
export const localCodes = {
  AUDIT_CUT: done(9121, 'Old rows of the audit trail removed'),
  BACKED_UP: done(9131, 'Backup made'),
  RESTORED: done(9141, 'Restored from a backup'),
  REKEYED: done(9151, 'Another master key in force'),
  FLOOR_LOWERED: done(9161, 'Floor lowered'),
} as const satisfies Record<string, CodeEntry>

export const codes = { ...gatewayCodes, ...commandCodes }

export type GatewayCode = keyof typeof gatewayCodes
export type CommandCode = keyof typeof commandCodes

/** After these the same command may be sent again under its `idempotency_key`, by a program on its own (protocol §5, §8). */
export const resendable = [
  'IN_PROGRESS',
  'RATE_LIMITED',
  'OVERLOADED',
  'TIMED_OUT',
  'STORAGE',
] as const satisfies readonly GatewayCode[]

/** Of those, the ones that leave open whether the command was done. */
export const undecided = ['TIMED_OUT', 'STORAGE'] as const satisfies readonly GatewayCode[]

/** Refusals below HTTP 500 that may come before the MAC has matched: no signature can stand on them (protocol §4, §7). */
export const unprovable = [
  'MALFORMED',
  'UNAUTHENTICATED',
  'UNKNOWN_COMMAND',
  'METHOD_NOT_ALLOWED',
  'SLOW',
  'TOO_LARGE',
  'UNSUPPORTED_MEDIA',
  'RATE_LIMITED',
] as const satisfies readonly GatewayCode[]

/** True when the code says "done" (odd). */
export const isDone = (code: number): boolean => code % 2 === 1

const byNumber: ReadonlyMap<number, CodeEntry> = new Map(Object.values(codes).map((entry) => [entry.code, entry]))

/** The entry of a number that was stored earlier; a number that no table knows (an operator's old command) keeps its parity. */
export function entryOf(code: number): CodeEntry {
  return byNumber.get(code) ?? { code, http: isDone(code) ? 200 : 409, message: isDone(code) ? 'Done' : 'Not done' }
}

/** IBM Video's HTTP statuses and error values for what is refused or not done, as far as they differ or have a name (protocol §9.5). */
export const ibmErrors: ReadonlyMap<string, { readonly http: number; readonly error: string }> = new Map([
  ['MALFORMED', { http: 400, error: 'input_validation_error' }],
  ['INVALID_PARAMS', { http: 400, error: 'input_validation_error' }],
  ['UNAUTHENTICATED', { http: 401, error: 'unauthorized' }],
  ['KEY_INACTIVE', { http: 401, error: 'unauthorized' }],
  ['FORBIDDEN', { http: 403, error: 'lack_of_ownership' }],
  ['ADDRESS_REFUSED', { http: 403, error: 'lack_of_ownership' }],
  ['UNKNOWN_COMMAND', { http: 404, error: 'not_found' }],
  ['DEVICE_PASSWORD_NOT_REVOKED', { http: 404, error: 'not_found' }],
  ['METHOD_NOT_ALLOWED', { http: 405, error: 'method_not_allowed' }],
  ['SLOW', { http: 408, error: 'request_timeout' }],
  ['DEVICE_PASSWORD_NOT_CREATED', { http: 409, error: 'limit_reached' }],
  ['TOO_LARGE', { http: 413, error: 'request_too_large' }],
  ['REPLY_TOO_LARGE', { http: 409, error: 'limit_reached' }],
  ['UNSUPPORTED_MEDIA', { http: 415, error: 'unsupported_media_type' }],
  ['RATE_LIMITED', { http: 429, error: 'too_many_requests' }],
  ['OVERLOADED', { http: 503, error: 'service_unavailable' }],
  ['STORAGE', { http: 503, error: 'service_unavailable' }],
  ['TIMED_OUT', { http: 504, error: 'gateway_timeout' }],
])

/** ScaleEngine's general codes for what the gateway refuses (cp.scaleengine.net, "response codes"; protocol §9.2). */
export const scaleengineCodes: ReadonlyMap<string, number> = new Map([
  ['UNKNOWN_COMMAND', 0],
  ['FORBIDDEN', 1],
  ['ADDRESS_REFUSED', 1],
  ['KEY_INACTIVE', 1],
  ['STALE', 2],
  ['UNAUTHENTICATED', 3],
  ['INTERNAL', 4],
  ['TIMED_OUT', 4],
  ['STORAGE', 4],
  ['MALFORMED', 6],
  ['INVALID_PARAMS', 6],
  ['OVERLOADED', 1000],
])
