import type { Command } from '../src/command.js'
import accountsCreate from './accounts/create.js'
import commandsCommand from './commands.js'
import getUser from './get-user.js'
import keysImport from './keys/import.js'
import listUsers from './list-users.js'
import ping from './ping.js'
import requestStatus from './request-status.js'
import setUser from './set-user.js'
import sevuAddstreamuser from './sevu.addstreamuser.js'
import sevuListstreamusers from './sevu.liststreamusers.js'
import sevuRemovestreamuser from './sevu.removestreamuser.js'
import toggleUser from './toggle-user.js'
import whoami from './whoami.js'

/** Every command of the gateway. */
export const commands: readonly Command[] = [
  ping,
  whoami,
  commandsCommand,
  requestStatus,
  getUser,
  setUser,
  toggleUser,
  listUsers,
  sevuAddstreamuser,
  sevuListstreamusers,
  sevuRemovestreamuser,
  keysImport,
  accountsCreate,
]
