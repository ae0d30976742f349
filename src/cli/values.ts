import { type Command, InvalidArgumentError } from 'commander'
import { mostAccount } from '../../schemas/accounts.js'
import type { Tools } from './tools.js'

/** The number of an account, as typed. */
export function accountNumber(text: string): number {
  if (/^[1-9][0-9]{0,15}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new InvalidArgumentError('expected an account number')
}

/** The number of an account that is to be made, as typed. */
export function newAccountNumber(text: string): number {
  const number = accountNumber(text)
  if (number <= mostAccount) return number
  throw new InvalidArgumentError(`expected an account number up to ${mostAccount}`)
}

/** Throws where a URL of an argument holds a password: every user of the machine can read arguments. */
export function requireNoPassword(option: string, url: string | undefined, instead: string): void {
  const parsed = url !== undefined && URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || (parsed.password === '' && !parsed.searchParams.has('password'))) return
  throw new InvalidArgumentError(
    `${option}: every user of this machine can read arguments, so no password is taken there. ${instead}`,
  )
}

/** A number of days, as typed. */
export function dayCount(text: string): number {
  if (/^(0|[1-9][0-9]{0,4})$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a number of days')
}

/** A whole number of seconds or a moment in Unix seconds, as typed. */
export function wholeNumber(text: string): number {
  if (/^(0|[1-9][0-9]{0,14})$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a whole number')
}

const secretMember = /"(pass|password|secret|token)"\s*:\s*"/

/** A JSON object from an argument, or from stdin for `-`. */
export async function jsonObject(text: string | undefined, tools: Tools): Promise<Record<string, unknown>> {
  if (text === undefined) return {}
  const json = text === '-' ? (await tools.readStdin()).toString('utf8') : text
  try {
    const value = JSON.parse(json)
    if (text !== '-' && secretMember.test(text))
      tools.say('arguments are seen by every user of this machine: give what holds a secret on stdin, with --json -')
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Said below, together with what is JSON but no object.
  }
  throw new InvalidArgumentError('--json: expected a JSON object')
}

/** Of a verb that lists. */
export const jsonFlag = ['--json', 'print the whole reply as JSON'] as const

/** The text of a file that holds one secret: one trailing newline is not part of it. */
export const secretText = (file: Buffer): string => file.toString('utf8').replace(/\r?\n$/, '')

/** A group of verbs, such as `account create`: asked for alone, it prints its help and ends with 2. */
export function group(program: Command, name: string, description: string): Command {
  const made = program.commands.find((command) => command.name() === name)
  return made ?? program.command(name).description(description)
}
