import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Type } from '../schemas/types.js'
import { type Command, ownCommand } from './command.js'
import { ConfigError } from './config.js'

/**
 * Loads the modules (.js, .mjs) of an operator's folder, in order of name. A module's default export is a declaration, or
 * a function that is given `{ Type }` and returns one. Throws {@link ConfigError} with every module that something is wrong with.
 */
export async function loadCommands(folder: string): Promise<Command[]> {
  const commands: Command[] = []
  const faults: string[] = []
  for (const file of modulesOf(folder)) {
    const url = pathToFileURL(join(folder, file)).href
    try {
      const { default: exported } = await import(url)
      const declared = typeof exported === 'function' ? exported({ Type }) : exported
      if (typeof declared !== 'object' || declared === null)
        throw new Error('its default export is no declaration of a command')
      commands.push(ownCommand(declared))
    } catch (error) {
      faults.push(`${join(folder, file)}: ${spelled(error, url)}`)
    }
  }
  if (faults.length > 0) throw new ConfigError(faults)
  return commands
}

function modulesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.m?js$/.test(name))
      .sort()
  } catch (error) {
    const why = error instanceof Error ? error.message : error
    throw new ConfigError([`COUNTERSIGN_COMMANDS: ${folder} is no folder that can be read: ${why}`])
  }
}

/** With the line of the module that it is about, where the error knows one. */
function spelled(error: unknown, url: string): string {
  if (!(error instanceof Error)) return String(error)
  const line = error.stack?.split('\n').find((text) => text.includes(url))
  const said = error.name === 'Error' ? error.message : `${error.name}: ${error.message}`
  return line === undefined ? said : `${said} (${line.trim()})`
}
