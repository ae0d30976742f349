import type { Command } from '../src/command.js'
import accessTokensCreate from './access-tokens/create.js'
import accessTokensList from './access-tokens/list.js'
import accessTokensRevoke from './access-tokens/revoke.js'
import accountsCreate from './accounts/create.js'
import accountsList from './accounts/list.js'
import accountsUpdate from './accounts/update.js'
import apiAccessDisable from './api-access/disable.js'
import apiAccessEnable from './api-access/enable.js'
import apiAccessGet from './api-access/get.js'
import apiAccessRegenerate from './api-access/regenerate.js'
import apiAccessWhitelist from './api-access/whitelist.js'
import auditList from './audit/list.js'
import auditVerify from './audit/verify.js'
import batch from './batch.js'
import commandsCommand from './commands.js'
import devicePasswordsCheck from './device-passwords/check.js'
import devicePasswordsCreate from './device-passwords/create.js'
import devicePasswordsList from './device-passwords/list.js'
import devicePasswordsRevoke from './device-passwords/revoke.js'
import getUser from './get-user.js'
import keysCreate from './keys/create.js'
import keysImport from './keys/import.js'
import keysList from './keys/list.js'
import keysRevoke from './keys/revoke.js'
import keysRotate from './keys/rotate.js'
import keysUpdate from './keys/update.js'
import listUsers from './list-users.js'
import ping from './ping.js'
import requestStatus from './request-status.js'
import serversList from './servers/list.js'
import serversRemove from './servers/remove.js'
import serversSet from './servers/set.js'
import setUser from './set-user.js'
import sevuAddstreamuser from './sevu.addstreamuser.js'
import sevuListstreamusers from './sevu.liststreamusers.js'
import sevuRemovestreamuser from './sevu.removestreamuser.js'
import sevuRequest from './sevu.request.js'
import sevuRevoke from './sevu.revoke.js'
import sevuStatus from './sevu.status.js'
import slicesAssign from './slices/assign.js'
import slicesList from './slices/list.js'
import slicesRemove from './slices/remove.js'
import slicesSet from './slices/set.js'
import statsDaily from './stats/daily.js'
import statsIndepth from './stats/indepth.js'
import statsRealtime from './stats/realtime.js'
import statsReport from './stats/report.js'
import subownersCreate from './subowners/create.js'
import subownersDelete from './subowners/delete.js'
import subownersGet from './subowners/get.js'
import subownersList from './subowners/list.js'
import subownersUpdate from './subowners/update.js'
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
  sevuRequest,
  sevuStatus,
  sevuRevoke,
  subownersCreate,
  subownersGet,
  subownersList,
  subownersUpdate,
  subownersDelete,
  devicePasswordsList,
  devicePasswordsCreate,
  devicePasswordsRevoke,
  devicePasswordsCheck,
  accessTokensCreate,
  accessTokensList,
  accessTokensRevoke,
  batch,
  keysCreate,
  keysList,
  keysUpdate,
  keysRotate,
  keysRevoke,
  keysImport,
  apiAccessGet,
  apiAccessEnable,
  apiAccessRegenerate,
  apiAccessDisable,
  apiAccessWhitelist,
  serversSet,
  serversList,
  serversRemove,
  slicesSet,
  slicesList,
  slicesRemove,
  slicesAssign,
  statsReport,
  statsRealtime,
  statsIndepth,
  statsDaily,
  accountsCreate,
  accountsList,
  accountsUpdate,
  auditList,
  auditVerify,
]
