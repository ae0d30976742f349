import { commandCodes, gatewayCodes, resendable } from '../schemas/codes.js'
import type { Published } from './command.js'
import { headers, notDone, refusal, replySchema, requestSchema, type Schema } from './openapi-schemas.js'

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
