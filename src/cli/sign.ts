import { createHmac } from 'node:crypto'
import type { Command } from 'commander'
import { decodeUtf8 } from '../encoding.js'
import { scanJson, withoutSignature } from '../json.js'
import { Refusal } from '../refusal.js'
import { exits } from './exits.js'
import type { Tools } from './tools.js'
import { secretText } from './values.js'

export function signVerb(program: Command, tools: Tools): void {
  program
    .command('sign')
    .description('read a body from stdin and print its MAC in base64; a top-level signature member is left out of it')
    .option(
      '--secret-file <file>',
      'file with the secret, or a key file in JSON (default: admin-key.json of the data folder)',
    )
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText('after', `\nExample:\n  printf '%s' '{"cmd":"ping",…}' | countersign sign --secret-file secret.txt`)
    .action(async (flags: { secretFile?: string; data?: string }) => {
      const file = flags.secretFile ?? tools.adminKeyFile(tools.config({ data: flags.data }).data)
      const secret = readSecret(tools, file)
      if (secret === undefined) return
      const signed = signedBytes(await tools.readStdin())
      tools.print(createHmac('sha256', secret).update(signed).digest('base64'))
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

function readSecret(tools: Tools, file: string): string | undefined {
  let text: string
  try {
    text = secretText(tools.readFile(file))
  } catch {
    tools.say(`${file} cannot be read; give --secret-file`)
    tools.exit(exits.configuration)
    return undefined
  }
  try {
    const { secret } = JSON.parse(text)
    return typeof secret === 'string' ? secret : text
  } catch {
    return text
  }
}
