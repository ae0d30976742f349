/** Members of a message that belong to the envelope; no command has a parameter of one of these names (protocol §2). */
export const envelopeMembers: ReadonlySet<string> = new Set([
  'cmd',
  'api_key',
  'timestamp',
  'signature',
  'idempotency_key',
  'dry_run',
  'cdn',
  'audience',
  'command',
  '_owner',
  '_timestamp',
  '_cmd',
  '_idempotency_key',
])

/** Names that stand beside a command's result in some dialect; no result has a member of one of these names. */
export const replyMembers: ReadonlySet<string> = new Set([
  'code',
  'status',
  'message',
  'error',
  'handle_time',
  'replayed',
  'dry_run',
])

export const idempotencyKeyPattern = '^[A-Za-z0-9._~:+/=-]{8,128}$'

/** Unix seconds as they may be spelled: no sign, no fraction, no exponent, at most 11 digits. */
export const timestampPattern = /^(?:0|[1-9][0-9]{0,10})$/
