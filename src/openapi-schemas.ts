import { gatewayCodes } from '../schemas/codes.js'
import { idempotencyKeyPattern } from '../schemas/envelope.js'
import type { Published } from './command.js'

/** A schema, or another part of a description, as JSON. */
export type Schema = Readonly<Record<string, unknown>>

const envelope: Schema = {
  api_key: { type: 'string', minLength: 1, description: 'public id of the key' },
  timestamp: { type: 'integer', minimum: 0, maximum: 99_999_999_999, description: 'Unix seconds' },
  signature: {
    type: 'string',
    pattern: '^([A-Za-z0-9+/]{43}=|[0-9a-f]{64})$',
    description: 'MAC of the text without this member, unless it is in the header Countersign-Signature',
  },
  idempotency_key: {
    type: 'string',
    pattern: idempotencyKeyPattern,
    description: 'makes it safe to send the same command again; recommended for every write',
  },
  dry_run: { type: 'boolean', description: 'check everything, keep nothing' },
  cdn: { type: 'integer', minimum: 1, description: 'the account of the key' },
  audience: { type: 'string', description: 'the name of this instance' },
}
const required = ['cmd', 'api_key', 'timestamp']

/** The message of a command: its envelope and, beside it, its parameters. */
export function requestSchema({ name, summary, permission, params, codes }: Published): Schema {
  const { properties = {}, required: needed = [], type: _, minProperties, propertyNames: __, ...rest } = plain(params)
  const schemas: Readonly<Record<string, Schema>> = Object(properties)
  // A parameter with a default may be left out.
  const must = [...Object(needed)].filter((member) => schemas[member]?.default === undefined)
  return {
    title: name,
    description: summary,
    type: 'object',
    required: [...required, ...must],
    properties: { cmd: { const: name }, ...schemas, ...envelope },
    ...rest,
    ...(typeof minProperties === 'number' && { minProperties: minProperties + required.length }),
    'x-permission': permission,
    'x-codes': codes,
  }
}

const replyMembers: Schema = {
  code: { type: 'integer', description: 'odd: done; even: not done' },
  status: { enum: ['success', 'failure'] },
  message: { type: 'string', description: 'for people; may change' },
  cmd: { type: 'string' },
  request_id: { type: 'string' },
  server_time: { type: 'integer', description: 'Unix seconds' },
  handle_time: { type: 'string', examples: ['0.0004 seconds'] },
  replayed: { type: 'boolean', description: 'true: the outcome of an earlier message with this idempotency_key' },
  dry_run: { type: 'boolean' },
}
const always = ['code', 'status', 'message', 'request_id', 'server_time', 'handle_time']

/** What a command answers when it was done. */
export function replySchema({ name, codes, result }: Published): Schema {
  const done = codes.filter(({ code }) => code % 2 === 1)
  return {
    title: `${name}: done`,
    type: 'object',
    required: [...always, 'cmd'],
    properties: {
      ...replyMembers,
      cmd: { const: name },
      status: { const: 'success' },
      code: {
        enum: done.map(({ code }) => code),
        description: done.map(({ code, message }) => `${code} ${message}`).join('; '),
      },
      result: plain(result),
    },
  }
}

/** What a command answers when it was not done. */
export const notDone: Schema = {
  title: 'The command said no',
  description: 'An even code of the command; nothing of it was kept.',
  type: 'object',
  required: [...always, 'cmd'],
  properties: { ...replyMembers, status: { const: 'failure' }, result: { type: 'object' } },
}

/** What the gateway answers when it refuses. */
export const refusal: Schema = {
  title: 'The gateway refused',
  type: 'object',
  required: always,
  properties: {
    ...replyMembers,
    status: { const: 'failure' },
    code: { enum: Object.values(gatewayCodes).map(({ code }) => code) },
    errors: {
      type: 'array',
      description: 'every fault of the parameters',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: {
          path: { type: 'string', description: 'JSON Pointer into the parameters' },
          message: { type: 'string' },
        },
      },
    },
    skew: { type: 'integer', description: 'timestamp − server’s clock, in seconds' },
    retry_after: { type: 'integer', description: 'seconds' },
    suggestion: { type: 'string', description: 'the nearest name of a command' },
    address: { type: 'string', description: 'yours, as it was seen' },
  },
}

/** Headers of replies, by name. */
export const headers: Schema = {
  'Countersign-Reply': {
    description: 'MAC of this reply; missing where the signature of the request was not right',
    schema: { type: 'string', pattern: '^[A-Za-z0-9+/]{43}=$' },
  },
  'X-Request-Id': { description: 'the same as request_id', schema: { type: 'string' } },
  'Retry-After': { description: 'seconds to wait', schema: { type: 'integer' } },
}

/** A published schema as JSON; the mark of a secret is no keyword of JSON Schema. */
function plain(schema: object): Schema {
  return JSON.parse(JSON.stringify(schema), (_name, value) =>
    value?.secret === true ? { ...value, secret: undefined, 'x-secret': true } : value,
  )
}
