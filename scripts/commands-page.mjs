// docs/commands.md: every command, from schemas/catalogue.json; its example is sent to a gateway, and printed with what that answers.
import { exampleKey, exampleRequest, exampleTime, exampleWorld, preparations } from '../dist/test/support/examples.js'
import { code, commandLink, generated, table } from './markdown.mjs'
import { rowsOf } from './schema-rows.mjs'

export async function commandsPage(commands) {
  const byName = new Map(commands.map((command) => [command.name, command]))
  const sections = []
  for (const command of commands) sections.push(await section(command, byName))
  return `${generated('schemas/catalogue.json')}

# Commands

Every command that the gateway has by itself, with its parameters, what it answers, and a signed example. \`commands\` returns the same from a
running gateway as JSON Schemas, an operator's own commands included. What holds for all of them stands in [the protocol](protocol.md#9-commands).

${table(
  ['command', 'does', 'permission', 'codes'],
  commands.map(({ name, summary, permission, codes }) => [
    commandLink(name),
    summary,
    permission === null ? '' : code(permission),
    numbers(codes).join(', '),
  ]),
)}

**The examples** are real: each is sent as it stands to a gateway of its own whose clock says ${exampleTime}, after the examples that it
names, and the test suite compares every answer with what is printed here. All are signed by the key \`${exampleKey.apiKey}\` with the secret
\`${exampleKey.secret}\`, which holds \`*\` and \`instance\` in account 1: a vector for a client of your own. \`handle_time\` differs each time.

${sections.join('\n\n')}
`
}

const numbers = (codes) => codes.map((used) => used.code).sort((a, b) => a - b)

async function section(command, byName) {
  const { name, summary, permission, params, result, codes } = command
  const needs = permission === null ? 'Any valid signature will do' : `Needs ${code(permission)}`
  return `## ${code(name)}

${summary}. ${needs}.

${parameterTable(rowsOf(params))}

${resultTable(rowsOf(result))}

${table(
  ['code', '', 'message'],
  [...codes]
    .sort((a, b) => a.code - b.code)
    .map((used) => [used.code, used.code % 2 === 1 ? 'done' : 'not done', used.message]),
)}

${await example(command, byName)}`
}

function parameterTable(rows) {
  if (rows.length === 0) return 'It takes no parameters.'
  return table(
    ['parameter', 'type', 'required', 'limits', 'default', 'meaning'],
    rows.map(({ path, type, required, limits, otherwise, meaning }) => [
      path,
      type,
      required ? 'yes' : '',
      limits,
      otherwise,
      meaning,
    ]),
  )
}

function resultTable(rows) {
  if (rows.length === 0) return 'There is no result.'
  return table(
    ['result', 'type', 'meaning'],
    rows.map(({ path, type, required, meaning }) => [
      path,
      type,
      [required ? '' : 'not always there', meaning].filter((part) => part !== '').join('; '),
    ]),
  )
}

async function example(command, byName) {
  if (!command.example) {
    process.stderr.write(
      `${command.name} has no example: add one to its declaration (CONTRIBUTING.md, "Add a command")\n`,
    )
    return 'No example yet.'
  }
  const before = preparations(command.name, byName)
  const replies = await answers([...before, command.name], byName)
  const reply = replies.at(-1)
  const { code: number } = JSON.parse(reply)
  if (!command.codes.some((used) => used.code === number && number % 2 === 1)) {
    const said = `the example of ${command.name} must be answered "done". Mend "example" in its declaration; answers, in order`
    throw new Error([`${said}:`, ...replies].join('\n'))
  }
  const after = before.length === 0 ? '' : `, after ${before.map((name) => commandLink(name)).join(', ')}`
  return `Example${after}:

\`\`\`json request
${exampleRequest(command)}
\`\`\`

\`\`\`json reply
${reply.replace(/"handle_time":"[^"]*"/, '"handle_time":"0.0004 seconds"')}
\`\`\``
}

/** What some examples are answered, one after the other in a gateway of their own. */
async function answers(names, byName) {
  const world = await exampleWorld()
  try {
    const replies = []
    for (const name of names) replies.push(await world.send(name, exampleRequest(byName.get(name))))
    return replies
  } finally {
    await world.close()
  }
}
