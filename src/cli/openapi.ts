import type { Command } from 'commander'
import type { Tools } from './tools.js'

export function openapiVerb(program: Command, tools: Tools): void {
  program
    .command('openapi')
    .description('print the OpenAPI 3.1 description of every command, the operator’s own included')
    .addHelpText('after', '\nExample:\n  countersign openapi > openapi.json')
    .action(async () => tools.print(JSON.stringify(await tools.describe(tools.config({})), null, 2)))
}
