import { commandCodes, gatewayCodes, resendable } from '../schemas/codes.js'
import { idempotencyKeyPattern } from '../schemas/envelope.js'
import type { Published } from './command.js'

type Schema = Readonly<Record<string, unknown>>

/** The OpenAPI 3.1 description of the one endpoint, with a schema for every command. */
export function openapi(commands: readonly Published[], version: string): object {
  const named = commands.map((command) => ({ command, name: componentName(command.name) }))
  const requests = named.map(({ command, name }) => [`request.${name}`, requestSchema(command)])
  const replies = named.map(({ command, name }) => [`reply.${name}`, replySchema(command)])
  return {
    openapi: '3.1.0',
    info: {
      title: 'Countersign',
      version,
      summary: 'Commands signed with HMAC-SHA256, each run at most once',
      description: about,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [],
    tags: [{ name: 'commands' }, { name: 'operation' }],
    paths: {
      '/control': { post: control(named.map(({ command, name }) => [command.name, name])) },
      '/healthz': { get: probe('Whether the process is up', false) },
      '/readyz': { get: probe('Whether a write would succeed', true) },
    },
    components: {
      schemas: { ...Object.fromEntries([...requests, ...replies]), Refusal: refusal, NotDone: notDone },
      headers,
    },
  }
}

const about = `One endpoint takes every command; \`cmd\` names it.

**Signing.** Write the message without \`signature\`, take the HMAC-SHA256 of that text under the secret's UTF-8 text, and either
put \`,"signature":"<base64>"\` directly behind its last value, or send the text as it is with the header \`Countersign-Signature\`.
The gateway checks the bytes as they were sent and serialises nothing again.

**Replies** to a message whose signature was right carry \`Countersign-Reply\`: the base64 HMAC-SHA256, under the same secret, of
\`countersign-reply\\n\` + lower-case hex of the request's MAC + \`\\n\` + HTTP status + \`\\n\` + body. A success without it is no success.

**Sending again** is safe under one \`idempotency_key\` with the same command and parameters: the command takes effect once, and the
first outcome comes back with \`"replayed": true\`. Send again after no answer and after ${resendable.map((name) => gatewayCodes[name].code).join(', ')}.

**Numbers** of parameters may be sent as text of their digits, booleans as 0 and 1. Other ways of spelling a request (the dialects of
vendors) are not described here. An operator's own commands are not told to strangers: \`countersign openapi\` prints them, and the
signed command \`commands\` lists them.`

/** Names of components take no slash. */
const componentName = (command: string): string => command.replaceAll('/', '.')

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
function requestSchema({ name, summary, permission, params, codes }: Published): Schema {
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

function replySchema({ name, codes, result }: Published): Schema {
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

const notDone: Schema = {
  title: 'The command said no',
  description: 'An even code of the command; nothing of it was kept.',
  type: 'object',
  required: [...always, 'cmd'],
  properties: { ...replyMembers, status: { const: 'failure' }, result: { type: 'object' } },
}

const refusal: Schema = {
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

const headers: Schema = {
  'Countersign-Reply': {
    description: 'MAC of this reply; missing where the signature of the request was not right',
    schema: { type: 'string', pattern: '^[A-Za-z0-9+/]{43}=$' },
  },
  'X-Request-Id': { description: 'the same as request_id', schema: { type: 'string' } },
  'Retry-After': { description: 'seconds to wait', schema: { type: 'integer' } },
}

const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })

/** `names`: each command with the name of its components. */
function control(names: readonly (readonly [command: string, name: string])[]): Schema {
  const byCmd = (kind: string) => ({
    oneOf: names.map(([, name]) => reference(`${kind}.${name}`)),
    discriminator: {
      propertyName: 'cmd',
      mapping: Object.fromEntries(names.map(([command, name]) => [command, `#/components/schemas/${kind}.${name}`])),
    },
  })
  return {
    tags: ['commands'],
    operationId: 'control',
    summary: 'Run a command',
    parameters: [
      {
        name: 'Countersign-Signature',
        in: 'header',
        description: 'MAC of the whole body, instead of the member signature',
        schema: { type: 'string' },
      },
    ],
    requestBody: { required: true, content: { 'application/json': { schema: byCmd('request') } } },
    responses: responses(byCmd('reply')),
  }
}

/** What an HTTP status stands for, from the table of codes. */
function responses(done: Schema): Schema {
  const answer = (description: string, schema: Schema, retry: boolean) => {
    const named = ['Countersign-Reply', 'X-Request-Id', ...(retry ? ['Retry-After'] : [])]
    const used = Object.fromEntries(named.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
    return { description, headers: used, content: { 'application/json': { schema } } }
  }
  const refusals = Object.entries(gatewayCodes)
  const statuses = [...new Set(refusals.map(([, { http }]) => http))].sort((a, b) => a - b)
  const commands: ReadonlySet<number> = new Set(Object.values(commandCodes).map(({ http }) => http))
  const rows = statuses.map((status) => {
    const listed = refusals.filter(([, { http }]) => http === status)
    const own = commands.has(status) ? ['an even code of the command'] : []
    const text = [...listed.map(([name, { code, message }]) => `${code} ${name}: ${message}`), ...own].join('; ')
    const schema = own.length > 0 ? { anyOf: [reference('NotDone'), reference('Refusal')] } : reference('Refusal')
    return [String(status), answer(text, schema, status === 429 || status === 503)] as const
  })
  return Object.fromEntries([['200', answer('The command was done', done, false)], ...rows])
}

function probe(summary: string, mayFail: boolean): Schema {
  const schema = { type: 'object', required: ['status'], properties: { status: { type: 'string' } } }
  const answer = (description: string) => ({ description, content: { 'application/json': { schema } } })
  const no = mayFail ? { '503': answer('No') } : {}
  return { tags: ['operation'], summary, responses: { '200': answer('Yes'), ...no } }
}

/** A published schema as JSON; the mark of a secret is no keyword of JSON Schema. */
function plain(schema: object): Schema {
  return JSON.parse(JSON.stringify(schema), (_name, value) =>
    value?.secret === true ? { ...value, secret: undefined, 'x-secret': true } : value,
  )
}
