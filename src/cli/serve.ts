import type { Command } from 'commander'
import type { Tools } from './tools.js'
import { requireNoPassword } from './values.js'

export function serveVerb(program: Command, tools: Tools): void {
  program
    .command('serve')
    .description('run the gateway; an empty data folder is initialised first')
    .option('--data <dir>', 'data folder (default ./data)')
    .option('--host <address>', 'address to listen on (default 127.0.0.1)')
    .option('--port <number>', 'port to listen on, 0 picks one (default 8420)')
    .option('--database-url <url>', 'where to store (default: SQLite in the data folder)')
    .option('--dialects <list>', 'ways of spelling requests that are served, joined by commas')
    .addHelpText('after', '\nExample:\n  countersign serve --data /var/lib/countersign --port 8420')
    .action((flags: Record<string, string | undefined>) => {
      requireNoPassword('--database-url', flags.databaseUrl, 'Give the URL in COUNTERSIGN_DATABASE_URL.')
      return tools.serve(tools.config(flags))
    })
}
