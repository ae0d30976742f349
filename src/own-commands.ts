import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Type } from '../schemas/types.js'
import { type Command, ownCommand } from './command.js'

/**
 * Loads the modules (.js, .mjs) of an operator's folder, in order of name. A module's default export is a declaration, or
 * a function that is given `{ Type }` and returns one. Throws an Error that names the module when something is wrong with it.
 */
export async function loadCommands(folder: string): Promise<Command[]> {
  const files = readdirSync(folder)
    .filter((name) => /\.m?js$/.test(name))
    .sort()
  const commands: Command[] = []
  for (const file of files) {
    try {
      const { default: exported } = await import(pathToFileURL(join(folder, file)).href)
      commands.push(ownCommand(typeof exported === 'function' ? exported({ Type }) : exported))
    } catch (error) {
      throw new Error(`${join(folder, file)}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      })
    }
  }
  return commands
}
