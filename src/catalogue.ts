import { type CodeEntry, codes, isDone } from '../schemas/codes.js'
import { mostCodes, mostCommands } from '../schemas/gateway.js'
import type { Registered, Registry } from './admit.js'
import type { Command, Item, Published } from './command.js'
import { type CheckParams, compileParams } from './params.js'
import { type SecretPath, secretPathsOf } from './secrets.js'

const byName: ReadonlyMap<string, CodeEntry> = new Map(Object.entries(codes))

/** Compiles declarations into the registry. Throws when two commands have one name or a code is unknown or given twice. */
export function register(commands: readonly Command[]): Registry {
  if (commands.length > mostCommands) throw new Error(`more than ${mostCommands} commands are declared`)
  const registry = new Map<string, Registered>()
  for (const command of commands) {
    if (registry.has(command.name)) throw new Error(`command "${command.name}" is declared twice`)
    if (command.codes.length > mostCodes)
      throw new Error(`command "${command.name}" declares more than ${mostCodes} codes`)
    publish(command)
    const paths = secretPathsOf(command.result)
    registry.set(command.name, {
      command,
      check: checkOf(command),
      secretPaths: command.carries ? (params) => itemPaths(command.carries?.(params) ?? [], registry) : () => paths,
    })
  }
  return registry
}

/**
 * Compiling every schema takes as long as the rest of a start: the gateway's own wait for their first use, an operator's must
 * show at the start whether it can be compiled.
 */
function checkOf({ params, ownCodes }: Command): CheckParams {
  if (ownCodes.size > 0) return compileParams(params)
  let check: CheckParams | undefined
  return (given) => {
    check ??= compileParams(params)
    return check(given)
  }
}

/** Secrets of a batch stand where its items' results have them. */
function itemPaths(items: readonly Item[], registry: Registry): SecretPath[] {
  return items.flatMap(({ cmd, params }, index) => {
    const paths = registry.get(cmd)?.secretPaths(params) ?? []
    return paths.map((path) => ['results', String(index), 'result', ...path])
  })
}

/** Everything that is published about a command, by name. */
export function publishAll(commands: Iterable<Command>): Published[] {
  return [...commands].map(publish).sort((a, b) => (a.name < b.name ? -1 : 1))
}

function publish({
  name,
  summary,
  permission,
  params,
  result,
  codes: declared,
  ownCodes,
  example,
}: Command): Published {
  const entries = declared.map((code) => {
    const entry = ownCodes.get(code) ?? byName.get(code)
    if (!entry) throw new Error(`command "${name}" declares the unknown code ${code}`)
    return { name: code, code: entry.code, message: entry.message }
  })
  if (new Set(entries.map(({ code }) => code)).size < entries.length)
    throw new Error(`command "${name}" declares a code twice`)
  if (!entries.some(({ code }) => isDone(code))) throw new Error(`command "${name}" declares no code that says done`)
  return { name, summary, permission, params, result, codes: entries, ...(example && { example }) }
}
