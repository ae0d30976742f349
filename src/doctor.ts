import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gatewayCodes } from '../schemas/codes.js'
import { chainMacOf, headFile, readCheckpoints } from './checkpoint.js'
import { ClockGuard } from './clock-guard.js'
import { type Config, ConfigError } from './config.js'
import { nodeOf, openDatabase, openMaster } from './data.js'
import { type Finding, failed, ok, warned } from './finding.js'
import { databaseFile, isEmpty, isInitialised } from './folder.js'
import type { Surroundings } from './instance.js'
import type { KeyRing } from './keyring.js'
import { nextKeyFile } from './master-key.js'
import { forwarderFindings, portFindings, proxyFindings } from './network-check.js'
import { bareNamingOf } from './program.js'
import { laterPromises, promisesOf, shorterPromises } from './promises.js'
import { isCompatible } from './store/compatible.js'
import type { Db } from './store/db.js'
import { FileHealth, Health } from './store/health.js'
import { migrationsOf, schemaName } from './store/migration-files.js'

export interface DoctorSurroundings extends Pick<Surroundings, 'now' | 'randomBytes' | 'migrations'> {
  /** The operating system's user id. */
  readonly uid: number
  /** Bytes that may still be written below a folder. */
  readonly freeBytes: (folder: string) => number
}

const mebibyte = 1024 * 1024
const leastFree = 64 * mebibyte
const comfortable = 1024 * mebibyte
const clockSlack = 5
const fileSlack = 60
const headAge = 300
/** No restore raises the floor so far ahead of a right clock: the largest window, and a margin. */
const furthestFloor = 90_000
const backupHours = 48

/** Looks over everything that a gateway on this configuration rests on, and changes nothing. Never rejects. */
export async function examine(config: Config, around: DoctorSurroundings): Promise<Finding[]> {
  const findings = [ok('configuration', 'every setting can be read')]
  if (isInitialised(config)) {
    findings.push(...guarded('file modes', () => modeFindings(config, around)))
    findings.push(...guarded('free space', () => [spaceFinding(config, around)]))
    findings.push(...(await (config.databaseUrl ? serverFindings : databaseFindings)(config, around)))
  } else findings.push(absent(config))
  return [...findings, ...(await portFindings(config)), ...proxyFindings(config)]
}

function absent(config: Config): Finding {
  const { data: folder } = config
  if (isEmpty(config)) {
    return failed(
      'data folder',
      `${folder} holds no data yet`,
      `countersign init --data ${folder}, or countersign serve`,
    )
  }
  return failed(
    'data folder',
    `${folder} is not empty and holds no Countersign data`,
    'give the right folder with --data or COUNTERSIGN_DATA',
  )
}

function guarded(check: string, work: () => Finding[]): Finding[] {
  try {
    return work()
  } catch (error) {
    return [
      failed(check, `could not be looked at: ${messageOf(error)}`, 'run this as the user that the gateway runs as'),
    ]
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
const octal = (mode: number) => `0${(mode & 0o777).toString(8)}`

function modeFindings({ data, masterKeyFile }: Config, { uid }: DoctorSurroundings): Finding[] {
  const check = 'file modes'
  const folder = statSync(data)
  const paths = readdirSync(data, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => join(data, name))
  const findings: Finding[] = []
  if (folder.uid !== uid && uid !== 0) {
    findings.push(failed(check, `${data} belongs to another user (${folder.uid})`, 'run Countersign as that user'))
  }
  for (const path of [data, ...paths]) {
    const { mode, uid: owner } = statSync(path)
    if (mode & 0o077) {
      const next = `chmod ${path === data ? '0700' : '0600'} ${path}`
      findings.push(failed(check, `${path} is open to others (${octal(mode)})`, next))
    }
    if (owner !== folder.uid) {
      const next = `chown ${folder.uid} ${path}`
      findings.push(failed(check, `${path} belongs to user ${owner}, its folder to ${folder.uid}`, next))
    }
  }
  const outside = masterKeyFile && existsSync(masterKeyFile) ? statSync(masterKeyFile) : undefined
  if (outside && outside.mode & 0o077) {
    const text = `the master key in ${masterKeyFile} is open to others (${octal(outside.mode)})`
    findings.push(warned(check, text, `chmod 0600 ${masterKeyFile}`))
  }
  return findings.length > 0 ? findings : [ok(check, `${data} and its ${paths.length} files are for their owner alone`)]
}

function spaceFinding({ data }: Config, { freeBytes }: DoctorSurroundings): Finding {
  const free = freeBytes(data)
  const text = `${Math.floor(free / mebibyte)} MiB are free for ${data}`
  const next = `make room: with a full disk no write is done (${gatewayCodes.STORAGE.code})`
  if (free < leastFree) return failed('free space', text, next)
  return free < comfortable ? warned('free space', text, next) : ok('free space', text)
}

async function databaseFindings(config: Config, around: DoctorSurroundings): Promise<Finding[]> {
  const file = databaseFile(config.data)
  const next = 'stop the gateway, keep a copy of the folder, and restore a backup'
  let health: FileHealth | undefined
  const findings: Finding[] = []
  try {
    health = new FileHealth(file)
    const faults = health.faults()
    findings.push(...faults.map((fault) => failed('database', `${file}: ${fault}`, next)))
    if (faults.length === 0) findings.push(ok('database', 'every page is whole, and every reference leads somewhere'))
    findings.push(await schemaFinding(health, around))
    findings.push(...(await clockFindings(health, config, around)))
    findings.push(...(await promiseFindings(health, config, around)))
    findings.push(...(await keyFindings(health, config, around)))
    findings.push(backupFinding(await health.lastBackup(), around))
    findings.push(...forwarderFindings(await health.meta('forwarder'), config))
    findings.push(...(await nameFindings(health, config, around)))
  } catch (error) {
    findings.push(failed('database', `${file} cannot be read: ${messageOf(error)}`, next))
  } finally {
    health?.close()
  }
  return findings
}

/** Where a server of PostgreSQL keeps the database: its pages are its own business. */
async function serverFindings(config: Config, around: DoctorSurroundings): Promise<Finding[]> {
  const check = 'database'
  let db: Db | undefined
  try {
    db = await openDatabase(config, around, { migrations: false, patient: true })
    const health = new Health(db)
    const lossy = await db.lossySettings()
    const settings = lossy.map((setting) =>
      failed(check, `the server runs with ${setting} off: a crash loses what was acknowledged`, `turn ${setting} on`),
    )
    return [
      ...(settings.length > 0 ? settings : [ok(check, 'the server answers, and keeps what it commits')]),
      await schemaFinding(health, around),
      ...(await versionFindings(db)),
      ...(await serverClockFindings(db, around)),
      ...(await clockFindings(health, config, around)),
      ...(await promiseFindings(health, config, around)),
      ...(await keyFindings(health, config, around)),
      ...forwarderFindings(await health.meta('forwarder'), config),
      ...(await nameFindings(health, config, around)),
    ]
  } catch (error) {
    const next = 'see that the server runs, and that COUNTERSIGN_DATABASE_URL names it'
    return [failed(check, `it cannot be reached: ${messageOf(error)}`, next)]
  } finally {
    await db?.close()
  }
}

function backupFinding(last: number | undefined, { now }: DoctorSurroundings): Finding {
  const check = 'backup'
  const next = 'countersign backup FILE, on another disk; every day, by a timer'
  if (last === undefined) return warned(check, 'none was ever made', next)
  const hours = Math.floor((now() / 1000 - last) / 3600)
  const text = `the last one was made ${hours < 48 ? `${hours} hours` : `${Math.floor(hours / 24)} days`} ago`
  return hours > backupHours ? warned(check, text, next) : ok(check, text)
}

/** Whom a name without its account means: nobody where there is no such account, and since an upgrade one account alone. */
async function nameFindings(health: Health, config: Config, { now }: DoctorSurroundings): Promise<Finding[]> {
  const check = 'names'
  const naming = bareNamingOf(config)
  if (!(naming.passwords || naming.owners)) return []
  const { defaultAccount: account } = config
  const findings: Finding[] = []
  if (!(await health.hasAccount(account))) {
    const text = `there is no account ${account}, which a bare login or _owner is of`
    findings.push(warned(check, text, 'set COUNTERSIGN_DEFAULT_ACCOUNT to one that there is'))
  }
  const bare = await health.namesNoLongerBare(naming, Math.floor(now() / 1000))
  if (bare) {
    const { names, total } = bare
    const more = total > names.length ? `, and ${total - names.length} more` : ''
    const text = `before the upgrade ${total} users could leave out their account, and cannot now: ${names.join(', ')}${more}`
    const next = `have their clients write CDN/NAME, as it stands here; or make their account the default one (COUNTERSIGN_DEFAULT_ACCOUNT, now ${account})`
    findings.push(warned(check, text, next))
  }
  return findings
}

async function schemaFinding(health: Health, { migrations }: DoctorSurroundings): Promise<Finding> {
  const check = 'schema'
  const known = migrationsOf(migrations)
  const applied = await health.migrations()
  const newer = applied.filter((id) => !known.some(({ file }) => file === id))
  if (!isCompatible(known, new Set(applied), await health.compatibleSince())) {
    const text = `the database was made by a newer version${newer.length > 0 ? ` (${newer.join(', ')})` : ''}`
    return failed(check, text, 'install that version: this one does not start on it')
  }
  if (newer.length > 0) {
    const text = `a newer version has upgraded the database (${newer.join(', ')}), and this one works beside it`
    return warned(check, text, 'go on with the upgrade: docs/operations.md, "Upgrading several gateways one by one"')
  }
  const waiting = await health.waiting(migrations)
  const missing = known.map(({ file }) => file).filter((file) => !applied.includes(file) && !waiting.includes(file))
  if (missing.length > 0) {
    return warned(check, `not applied yet: ${missing.join(', ')}`, 'back up; the next start applies them')
  }
  if (waiting.length > 0) {
    const next = 'once no gateway has to go back to the version before: countersign migrate --finish'
    return warned(check, `the upgrade is not finished: ${waiting.join(', ')} waits`, next)
  }
  return ok(check, `version ${applied.at(-1) ?? 'unknown'}`)
}

/** Gateways of several versions share a database for as long as an upgrade takes. */
async function versionFindings(db: Db): Promise<Finding[]> {
  const schemas = (await db.programs()).filter((schema) => schema > 0)
  if (schemas.length < 2) return []
  const text = `gateways of different versions are at work, with schema ${schemas.map(schemaName).join(' and ')}`
  return [warned('versions', text, 'update the others: docs/operations.md, "Upgrading several gateways one by one"')]
}

async function clockFindings(health: Health, config: Config, { now }: DoctorSurroundings): Promise<Finding[]> {
  const check = 'clock'
  const seconds = Math.floor(now() / 1000)
  const findings: Finding[] = []
  const next = 'set the clock (timedatectl, chronyc tracking)'
  const repair = `${next}; where it is right, a wrong clock raised the floor: countersign floor lower --today YYYY-MM-DD`
  const { data } = config
  const newest = Math.floor(((await health.newestRowOf(nodeOf(config))) ?? 0) / 1000)
  if (newest > seconds + clockSlack) {
    findings.push(failed(check, `it stands ${newest - seconds} s before the newest row of the audit trail`, next))
  }
  const floor = await health.floor()
  if (floor >= seconds) {
    const text = `it stands ${floor - seconds} s before the floor: until it has passed, every message is answered ${gatewayCodes.OVERLOADED.code}`
    findings.push(failed(check, text, floor > seconds + furthestFloor ? repair : `after a restore wait; else ${next}`))
  }
  const files = readdirSync(data).map((name) => ({ name, at: writtenAt(join(data, name)) }))
  const ahead = files.filter(({ at }) => at > seconds + fileSlack)
  for (const { name, at } of ahead) findings.push(warned(check, `${name} was written ${at - seconds} s from now`, next))
  return findings.length > 0 ? findings : [ok(check, 'it stands after everything that was written')]
}

/** The window of a message is measured by the clock of its node, and all nodes share one database. */
async function serverClockFindings(db: Db, { now }: DoctorSurroundings): Promise<Finding[]> {
  const clocks = { now, monotonic: () => performance.now(), server: () => db.serverClock() }
  const fault = await new ClockGuard(clocks).fault()
  return fault === undefined
    ? []
    : [failed('clock', fault, 'set it right (chronyc tracking): the gateway is not ready')]
}

/** A process that promises less than another one, or than the one before it, keeps to the longer promise until that has run out. */
async function promiseFindings(health: Health, config: Config, { now }: DoctorSurroundings): Promise<Finding[]> {
  const [own, seconds] = [promisesOf(config), Math.floor(now() / 1000)]
  const inForce = (await health.inForce(own, seconds)) ?? own
  const later = laterPromises(own, await health.forgotten(), seconds)
  return [...shorterPromises(own, inForce), ...later].map((text) =>
    warned('promises', text, 'give every gateway on this database the same settings, or wait'),
  )
}

const writtenAt = (path: string) => Math.floor((statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) / 1000)

async function keyFindings(health: Health, config: Config, around: DoctorSurroundings): Promise<Finding[]> {
  const check = 'master key'
  let vault: KeyRing
  try {
    vault = openMaster(config, around)
  } catch (error) {
    const faults = error instanceof ConfigError ? error.faults : [`it cannot be read: ${messageOf(error)}`]
    return faults.map((fault) => failed(check, fault, 'put the master key back from where you keep it'))
  }
  try {
    await health.follow(vault)
  } catch {
    return [failed(check, 'it is not the one this database was made with', 'give the master key of this database')]
  }
  const unfinished = changeFinding(config)
  const rows = await rowFindings(health, vault)
  return [...rows, ...(unfinished ? [unfinished] : []), await headFinding(health, config, vault)]
}

/** Rows that were edited without the master key: keys, which are sealed under it, and others, which have a tag. */
async function rowFindings(health: Health, vault: KeyRing): Promise<Finding[]> {
  const check = 'master key'
  const { bound, keys, others } = await health.unsound(vault)
  const next = 'restore a backup, or remove what they belong to and make it anew'
  const findings = [
    ...(keys.length > 0
      ? [failed(check, `it does not open the secrets of ${someOf(keys)}: they were changed or moved`, next)]
      : []),
    ...(others.length > 0
      ? [failed(check, `it did not write ${someOf(others)}: they were changed or moved`, next)]
      : []),
  ]
  if (findings.length > 0) return findings
  return [
    ok(
      check,
      bound ? 'it opens every secret, and wrote every row that gives rights' : 'the next start binds rows to it',
    ),
  ]
}

const mostNamed = 20
const someOf = (rows: readonly string[]): string =>
  [...rows.slice(0, mostNamed), ...(rows.length > mostNamed ? [`${rows.length - mostNamed} more`] : [])].join(', ')

function changeFinding(config: Config): Finding | undefined {
  const file = nextKeyFile(config)
  if (config.masterKey || !existsSync(file)) return undefined
  const text = `a change of the master key was cut short: ${file} waits beside the one before`
  return warned('master key', text, 'run countersign rekey: it goes on where it was')
}

async function headFinding(health: Health, config: Config, vault: KeyRing): Promise<Finding> {
  const check = 'audit head'
  const file = headFile(config.data)
  if (!existsSync(file)) return ok(check, 'none was kept yet')
  const kept = readCheckpoints(readFileSync(file, 'utf8')).at(-1)
  const why = kept ? await health.disagrees(kept, chainMacOf(vault)) : 'it cannot be read'
  if (!kept || why !== undefined) {
    const next = 'keep the file and run countersign audit verify --checkpoint with a copy of it'
    return failed(check, `${file} and the audit trail disagree: ${why}`, next)
  }
  const behind = Math.floor(((await health.newestRow()) ?? 0) / 1000) - kept.at
  if (behind <= headAge) return ok(check, `the heads of all ${kept.heads.length} chains are signed, and they are there`)
  return warned(
    check,
    `it was signed ${behind} s before the newest row: what came since could be cut off unseen`,
    'start the gateway: it signs the head once a minute',
  )
}
