import type { Command } from 'commander'
import { send, Unanswered } from '../../clients/typescript/index.js'
import { exitOf, exits } from './exits.js'
import type { Tools } from './tools.js'
import { jsonObject, requireNoPassword } from './values.js'

interface Flags {
  readonly json?: string
  readonly url?: string
  readonly data?: string
  readonly keyFile?: string
  readonly idempotencyKey?: string
  readonly dryRun?: boolean
}

export function callVerb(program: Command, tools: Tools): void {
  program
    .command('call <cmd>')
    .description('sign a command, send it, check the signature of the reply and print it')
    .option('--json <object>', 'parameters as a JSON object, or - to read them from stdin')
    .option('--url <url>', 'the gateway (default: the configured host and port)')
    .option('--data <dir>', 'data folder, for its admin-key.json (default ./data)')
    .option('--key-file <file>', 'JSON file with api_key and secret (default: admin-key.json of the data folder)')
    .option('--idempotency-key <key>', 'makes it safe to send the same command again')
    .option('--dry-run', 'check everything, keep nothing')
    .addHelpText(
      'after',
      `\nExample:\n  countersign call set-user --json '{"id":"alice","user":{"type":3}}' --idempotency-key job-1-alice`,
    )
    .action(async (cmd: string, flags: Flags) => {
      requireNoPassword('--url', flags.url, 'A gateway needs none: a message is signed with a key.')
      const config = tools.config({ data: flags.data })
      const key = readKey(tools, flags.keyFile ?? tools.adminKeyFile(config.data))
      if (!key) return
      const params = await jsonObject(flags.json, tools)
      const url = flags.url ?? `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${config.port}`
      const envelope = { timestamp: tools.now(), idempotencyKey: flags.idempotencyKey, dryRun: flags.dryRun }
      try {
        const reply = await send(url, cmd, params, key, envelope)
        tools.print(reply.text)
        tools.exit(judge(reply.json?.code, reply.authentic, tools))
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error
        tools.say(`${error.message}: is the gateway running?`)
        tools.exit(exits.network)
      }
    })
}

/** An unsigned success proves nothing; a refusal before the signature was checked cannot be signed. */
function judge(code: number | undefined, authentic: boolean, tools: Tools): number {
  if (code === undefined) {
    tools.say('the answer is not from a Countersign gateway')
    return exits.network
  }
  const exit = exitOf(code)
  if (authentic || exit !== exits.done) return exit
  tools.say('the reply says success but its signature is wrong or missing: do not believe it')
  return exits.network
}

function readKey(tools: Tools, file: string): { apiKey: string; secret: string } | undefined {
  try {
    const { api_key: apiKey, secret } = JSON.parse(tools.readFile(file).toString('utf8'))
    if (typeof apiKey === 'string' && typeof secret === 'string') return { apiKey, secret }
    tools.say(`${file}: expected JSON with api_key and secret`)
  } catch (error) {
    tools.say(`${file}: ${error instanceof SyntaxError ? 'not JSON' : 'cannot be read'}; give --key-file or --data`)
  }
  tools.exit(exits.configuration)
  return undefined
}
