import { createHmac } from 'node:crypto'
import type { Command } from 'commander'
import { decodeUtf8 } from '../encoding.js'
import { scanJson, withoutSignature } from '../json.js'
import { Refusal } from '../refusal.js'
import { exits } from './exits.js'
import { adminSecret, type Candidates, explainMac, wholeFile } from './explain.js'
import type { Tools } from './tools.js'
import { secretText } from './values.js'

interface Flags {
  readonly secretFile?: string
  readonly data?: string
  readonly explain?: string
}

export function signVerb(program: Command, tools: Tools): void {
  program
    .command('sign')
    .description('read a body from stdin and print its MAC in base64; a top-level signature member is left out of it')
    .option(
      '--secret-file <file>',
      'file with the secret, or a key file in JSON (default: admin-key.json of the data folder)',
    )
    .option('--data <dir>', 'data folder (default ./data)')
    .option('--explain <mac>', 'say instead why another client, which sent this body, came to this MAC')
    .addHelpText(
      'after',
      `
Examples:
  printf '%s' '{"cmd":"ping",…}' | countersign sign --secret-file secret.txt
  countersign sign --secret-file secret.txt --explain 'nH1N…=' < body-as-it-was-sent.json`,
    )
    .action(async (flags: Flags) => {
      const found = readSecrets(tools, flags)
      if (!found) return
      const body = await tools.readStdin()
      if (flags.explain !== undefined) return explainMac(tools, body, flags.explain, found)
      tools.print(createHmac('sha256', found.secret).update(signedBytes(body)).digest('base64'))
    })
}

/** What a signature in the body covers; anything that is no such message is signed as it is, as the header would. */
function signedBytes(body: Buffer): Buffer | string {
  try {
    const scan = scanJson(decodeUtf8(body))
    return scan.cut ? withoutSignature(scan) : body
  } catch (error) {
    if (error instanceof Refusal) return body
    throw error
  }
}

/** The secret to sign with, and what a client could take for it. */
function readSecrets(tools: Tools, { secretFile, data, explain }: Flags): Candidates | undefined {
  const adminFile = () => tools.adminKeyFile(tools.config({ data }).data)
  const file = secretFile ?? adminFile()
  const text = readText(tools, file)
  if (text === undefined) {
    tools.say(`${file} cannot be read; give --secret-file`)
    tools.exit(exits.configuration)
    return undefined
  }
  const stripped = secretText(Buffer.from(text))
  const secret = secretIn(stripped)
  if (explain === undefined) return { secret, others: [] }
  const whole = secret === stripped ? [] : [text, stripped].map((other) => ({ secret: other, cause: wholeFile }))
  const admin = secretFile === undefined ? undefined : readText(tools, adminFile())
  const others = admin === undefined ? [] : [{ secret: secretIn(secretText(Buffer.from(admin))), cause: adminSecret }]
  return { secret, others: [...others.filter((other) => other.secret !== secret), ...whole] }
}

function readText(tools: Tools, file: string): string | undefined {
  try {
    return tools.readFile(file).toString('utf8')
  } catch {
    return undefined
  }
}

/** The member `secret` of a key file; any other text is the secret itself. */
function secretIn(text: string): string {
  try {
    const { secret } = JSON.parse(text)
    return typeof secret === 'string' ? secret : text
  } catch {
    return text
  }
}
