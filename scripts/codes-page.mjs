// docs/codes.md: every result code, from schemas/codes.ts and schemas/advice.ts.
import { advice } from '../dist/schemas/advice.js'
import { commandCodes, gatewayCodes, isDone, localCodes, scaleengineCodes } from '../dist/schemas/codes.js'
import { code, commandLink, generated, table } from './markdown.mjs'

/** Numbers that a vendor has of its own, by the name of the code; elsewhere the gateway's own number is sent. */
const vendors = [['ScaleEngine', scaleengineCodes]]

const resends = {
  useless: 'no',
  safe: 'safe',
  unknown: 'yes: done or not is unknown',
}

export function codesPage(commands) {
  return `${generated('schemas/codes.ts and schemas/advice.ts')}

# Result codes

Every reply has a \`code\`; branch on it, not on the message. 14xx and 15xx are the gateway's own: the command did not answer.
All others are a command's: **odd means done, even means not done**.

## The gateway's own

None of them leaves a claim (§5 of [the protocol](protocol.md#5-at-most-once)): unless "resend" says otherwise, this message has done nothing.
"Resend" is about the same message, the same bytes or the same command and parameters under the same \`idempotency_key\`.

${gatewayTable()}

1404 is also the answer to a path that is not served. "By" is the check that answers, in the order of §4 of
[the protocol](protocol.md#4-freshness-and-the-order-of-checks).

${vendors.map(vendorTable).join('\n\n')}

## The commands'

HTTP 200 is done, 404 "there is no such thing", 409 "something else stood in the way". Every one of them is final: sending the message again
under its \`idempotency_key\` is safe, and brings the same answer back, marked \`"replayed": true\`. After "not done", nothing was changed; mend
what the message names, and ask again under a new \`idempotency_key\`.

${commandTable(commands)}

An operator's own commands have codes from 10000, odd and even alike, sent with HTTP 200 and 409.

## The command line's

In rows of the audit trail only.

${table(
  ['code', 'name', 'message'],
  Object.entries(localCodes).map(([name, entry]) => [entry.code, code(name), entry.message]),
)}
`
}

function gatewayTable() {
  const rows = Object.entries(gatewayCodes).map(([name, entry]) => {
    const { by, resend, then } = advice[name]
    return [entry.code, entry.http, code(name), entry.message, by, resends[resend], then]
  })
  return table(['code', 'HTTP', 'name', 'message', 'by', 'resend', 'what to do'], rows)
}

function vendorTable([vendor, numbers]) {
  const rows = [...numbers].map(([name, number]) => [gatewayCodes[name].code, code(name), number])
  return `### As ${vendor} spells them

The others keep their number, and so does every command's code.

${table(['code', 'name', `sent to a ${vendor} client`], rows)}`
}

function commandTable(commands) {
  const users = (name) => commands.filter(({ codes }) => codes.some((used) => used.name === name))
  const rows = Object.entries(commandCodes).map(([name, entry]) => [
    entry.code,
    entry.http,
    isDone(entry.code) ? 'done' : 'not done',
    code(name),
    entry.message,
    users(name)
      .map((command) => commandLink(command.name, 'commands.md'))
      .join(', '),
  ])
  return table(['code', 'HTTP', '', 'name', 'message', 'by'], rows)
}
