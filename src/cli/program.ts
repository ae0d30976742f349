import { Command } from 'commander'
import { accountVerbs } from './account.js'
import { auditVerbs } from './audit.js'
import { backupVerbs } from './backup.js'
import { callVerb } from './call.js'
import { completionVerb } from './completion.js'
import { doctorVerb } from './doctor.js'
import { floorVerbs } from './floor.js'
import { initVerb } from './init.js'
import { keyVerbs } from './key.js'
import { openapiVerb } from './openapi.js'
import { rekeyVerb } from './rekey.js'
import { serveVerb } from './serve.js'
import { signVerb } from './sign.js'
import { statsVerbs } from './stats.js'
import type { Tools } from './tools.js'
import { userVerbs } from './user.js'

const verbs = [
  serveVerb,
  initVerb,
  callVerb,
  signVerb,
  accountVerbs,
  auditVerbs,
  keyVerbs,
  userVerbs,
  statsVerbs,
  doctorVerb,
  openapiVerb,
  backupVerbs,
  floorVerbs,
  rekeyVerb,
  completionVerb,
]

/** The command line: every verb, what it takes, and its help. */
export function programOf(tools: Tools, version: string): Command {
  const program = new Command('countersign')
    .description('Signed command gateway: every signed command takes effect at most once and is never lost')
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText('after', help)
  for (const verb of verbs) verb(program, tools)
  return program
}

const help = `
Examples:
  countersign serve                            run the gateway on ./data
  countersign call ping                        send it a signed command
  countersign call commands                    what it can be told
  countersign key create --help                all about one verb

Exit codes:
  0 done   1 not done   2 usage   3 not authenticated   4 forbidden   5 not found   6 there already
  7 no answer that can be believed   8 busy, or the storage failed   78 configuration`
