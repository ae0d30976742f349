import { type Command, InvalidArgumentError } from 'commander'
import type { ListedKeys } from '../../schemas/keys.js'
import type { Static } from '../../schemas/types.js'
import type { LocalOutcome } from '../instance.js'
import { exits } from './exits.js'
import { checkText } from './key-check.js'
import { type Look, moment, table } from './table.js'
import { type Tools, withInstance, withWholeList } from './tools.js'
import { accountNumber, group, jsonFlag, secretText, wholeNumber } from './values.js'

interface ImportFlags {
  readonly cdn: number
  readonly apiKey: string
  readonly secretFile: string
  readonly data?: string
}

interface ListFlags {
  readonly cdn: number
  readonly data?: string
  readonly json?: boolean
}

interface CreateFlags {
  readonly cdn: number
  readonly permissions?: string
  readonly ips?: string
  readonly expiresAt?: number
  readonly comment?: string
  readonly secretFileOut?: string
  readonly data?: string
}

interface NamedFlags {
  readonly cdn: number
  readonly apiKey: string
  readonly grace?: number
  readonly cascade?: boolean
  readonly secretFileOut?: string
  readonly data?: string
}

const dataFlag = ['--data <dir>', 'data folder (default ./data)'] as const
const outFlag = [
  '--secret-file-out <file>',
  'new file for the key with its secret, as JSON like admin-key.json, mode 0600 (default: the secret is in the JSON on stdout)',
] as const

export function keyVerbs(program: Command, tools: Tools): void {
  const key = group(program, 'key', 'keys that sign')
  const named = (name: string, about: string) =>
    key
      .command(name)
      .description(about)
      .requiredOption('--api-key <id>', 'the public id')
      .option('--cdn <number>', 'number of its account', accountNumber, 1)
      .option(...dataFlag)
  key
    .command('create')
    .description('make a key for the owner of an account; its secret is shown once')
    .requiredOption('--cdn <number>', 'number of the account', accountNumber)
    .option('--permissions <list>', 'what it may do, joined by commas (default: everything in the account)')
    .option('--ips <list>', 'addresses and CIDR blocks it may be used from, joined by commas (default: anywhere)')
    .option('--expires-at <moment>', 'when it ends, in Unix seconds (default: never)', wholeNumber)
    .option('--comment <text>', 'for people')
    .option(...outFlag)
    .option(...dataFlag)
    .addHelpText(
      'after',
      '\nExample:\n  countersign key create --cdn 158 --permissions users:read,users:write --secret-file-out panel-key.json',
    )
    .action((flags: CreateFlags) => create(tools, flags))
  key
    .command('list')
    .description(
      'list the keys of an account, without their secrets: a table on a terminal, tab-separated lines elsewhere',
    )
    .option('--cdn <number>', 'number of the account', accountNumber, 1)
    .option(...dataFlag)
    .option(...jsonFlag)
    .addHelpText('after', '\nExample:\n  countersign key list --cdn 158')
    .action(({ cdn, data, json }: ListFlags) =>
      withWholeList(tools, { data }, cdn, 'keys/list', 'keys', (outcome) =>
        json ? outcome : listed(outcome, tools, tools.now()),
      ),
    )
  named('rotate', 'give a key a new secret; the old one goes on working for the grace time')
    .option('--grace <seconds>', 'how long the old secret goes on working; 0 ends it now (default 3600)', wholeNumber)
    .option(...outFlag)
    .addHelpText('after', '\nExample:\n  countersign key rotate --api-key ck_… --grace 600 --secret-file-out new.json')
    .action((flags: NamedFlags) => rotate(tools, flags))
  named('revoke', 'end a key for good')
    .option('--cascade', 'and every key that was made with it')
    .addHelpText('after', '\nExample:\n  countersign key revoke --api-key ck_… --cascade')
    .action(({ cdn, apiKey, cascade, data }: NamedFlags) =>
      withInstance(tools, { data }, cdn, 'keys/revoke', { key: publicId(apiKey), ...(cascade && { cascade }) }),
    )
  key
    .command('import')
    .description('let credentials that a vendor gave out go on working, as an owner key of an account')
    .requiredOption('--cdn <number>', 'number of the account', accountNumber)
    .requiredOption('--api-key <id>', 'the public id')
    .requiredOption('--secret-file <file>', 'file with the secret; one trailing newline is not part of it')
    .option(...dataFlag)
    .addHelpText(
      'after',
      '\nExample:\n  countersign key import --cdn 158 --api-key APX4GKLM0RKQ --secret-file secret.txt',
    )
    .action(({ cdn, apiKey, secretFile, data }: ImportFlags) => {
      const secret = secretText(tools.readFile(secretFile))
      return withInstance(tools, { data }, cdn, 'keys/import', { key: publicId(apiKey), secret, account: cdn })
    })
  key
    .command('check')
    .description(
      'tell offline whether the text on stdin is an id or a secret of Countersign, and whole; 0 if so, else 1',
    )
    .option('--file <file>', 'read it from a file instead')
    .addHelpText('after', '\nExample:\n  countersign key check < found-in-a-log.txt')
    .action(async ({ file }: { file?: string }) => {
      const { ours, what } = checkText(secretText(file === undefined ? await tools.readStdin() : tools.readFile(file)))
      tools.print(what)
      tools.exit(ours ? exits.done : exits.notDone)
    })
}

function listed(outcome: LocalOutcome, look: Look, now: number): LocalOutcome | string {
  if (!outcome.done) return outcome
  const { keys }: Static<typeof ListedKeys> = Object(outcome.result)
  const rows = keys.map((key) => [
    key.key_id,
    state(key, now),
    key.permissions,
    key.ips,
    moment(key.expires_at),
    moment(key.last_used_at),
    key.comment,
  ])
  return table(['key', 'state', 'permissions', 'ips', 'expires', 'last_used', 'comment'], rows, look)
}

type ListedKey = Static<typeof ListedKeys>['keys'][number]

function state({ enable, revoked_at: revokedAt, expires_at: expiresAt }: ListedKey, now: number): string {
  if (revokedAt !== null) return 'revoked'
  if (expiresAt !== null && expiresAt <= now) return 'expired'
  return enable ? 'on' : 'off'
}

function create(tools: Tools, { cdn, permissions, ips, expiresAt, comment, secretFileOut, data }: CreateFlags) {
  const params = {
    ...(permissions !== undefined && { permissions: split(permissions) }),
    ...(ips !== undefined && { ips: addresses(ips) }),
    ...(expiresAt !== undefined && { expires_at: expiresAt }),
    ...(comment !== undefined && { comment }),
  }
  return keepingSecret(tools, secretFileOut, cdn, (shown) =>
    withInstance(tools, { data }, cdn, 'keys/create', params, shown),
  )
}

function rotate(tools: Tools, { cdn, apiKey, grace, secretFileOut, data }: NamedFlags) {
  const params = { key: publicId(apiKey), ...(grace !== undefined && { grace }) }
  return keepingSecret(tools, secretFileOut, cdn, (shown) =>
    withInstance(tools, { data }, cdn, 'keys/rotate', params, shown),
  )
}

type Shown = (outcome: LocalOutcome) => LocalOutcome

/**
 * Runs what makes a secret, which then stands in the file and no longer in the outcome. The file is made first: a secret
 * that could not be written afterwards would be lost.
 */
async function keepingSecret(
  tools: Tools,
  path: string | undefined,
  cdn: number,
  make: (shown: Shown) => Promise<void>,
): Promise<void> {
  if (path === undefined) return make((outcome) => outcome)
  const file = reserve(tools, path)
  if (!file) return
  let written = false
  try {
    await make((outcome) => {
      const { key_id: id, secret, ...rest } = { key_id: undefined, secret: undefined, ...outcome.result }
      if (!outcome.done || secret === undefined) return outcome
      try {
        file.write(`${JSON.stringify({ cdn, api_key: id, secret })}\n`)
      } catch (error) {
        tools.say(`the key ${id} has a secret that could not be written to ${path} and is lost: rotate it`)
        throw error
      }
      written = true
      tools.say(`the secret is in ${path}, and nowhere else`)
      return { ...outcome, result: { key_id: id, secret: null, ...rest } }
    })
  } finally {
    if (!written) file.discard()
  }
}

function reserve(tools: Tools, path: string) {
  try {
    return tools.secretFile(path)
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    tools.say(exists ? `${path} is there already: nothing was done` : `${path} cannot be written: nothing was done`)
    tools.exit(exists ? exits.exists : exits.notDone)
    return undefined
  }
}

const split = (list: string): string[] =>
  list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** An empty list means anywhere: what a variable that was not set left behind must not. */
function addresses(list: string): string[] {
  const entries = split(list)
  if (entries.length > 0) return entries
  throw new InvalidArgumentError('--ips names no address: leave it out for a key that may be used from anywhere')
}

/** An argument is seen by every user of the machine: a secret in one is given away. Not read by commander, which would print it. */
function publicId(text: string): string {
  if (!text.startsWith('cs_')) return text
  throw new InvalidArgumentError(
    'This is the secret, not the id; the machine’s other users may have seen it: rotate it',
  )
}
