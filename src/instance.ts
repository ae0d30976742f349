import { createSecretKey } from 'node:crypto'
import type { Logger } from 'pino'
import { type GatewayCode, isDone } from '../schemas/codes.js'
import { callerOf, requireValid } from './admit.js'
import { Authorities } from './authority.js'
import { bodyLimits } from './body-limits.js'
import type { Executed } from './call.js'
import { publishAll, register } from './catalogue.js'
import { chainMacOf, headKeeper, keptCheckpoints } from './checkpoint.js'
import { ClockGuard } from './clock-guard.js'
import type { Caller, Command, Published } from './command.js'
import type { Dialect } from './dialect.js'
import { Executor } from './execute.js'
import { gateway, type Handle } from './gateway.js'
import { generateKey, generateReadable, generateToken } from './generate.js'
import { hmac } from './hmac.js'
import type { KeyRing } from './keyring.js'
import { limits } from './limits.js'
import { Load } from './load.js'
import { requestLog } from './log.js'
import type { MeterOf } from './meter.js'
import { passwords } from './passwords.js'
import { laterPromises, promisesOf, shorterPromises } from './promises.js'
import { readiness } from './readiness.js'
import { isBelowEndpoint } from './receive.js'
import { ownerOf } from './recognise.js'
import { Refusal, type RefusalDetail } from './refusal.js'
import { type Reply, refusedOutcome, reply } from './reply.js'
import { findToken } from './store/access-tokens.js'
import { AuditTrail } from './store/audit-trail.js'
import { bindRows } from './store/bind-rows.js'
import { Claims } from './store/claims.js'
import { NewerSchema, requireStillCompatible } from './store/compatible.js'
import { CopyNotes } from './store/copies.js'
import { type Db, type Queries, StorageError } from './store/db.js'
import { endedPortions } from './store/ended.js'
import { Forgotten } from './store/forgotten.js'
import { Keys } from './store/keys.js'
import { floorRaised, Ledger } from './store/ledger.js'
import { findLogin } from './store/logins.js'
import { Meta } from './store/meta.js'
import { schemaOfFolder } from './store/migration-files.js'
import { Notes } from './store/notes.js'
import { Owners } from './store/owners.js'
import type { Pace } from './store/pace.js'
import { forgetFailures, PasswordFailures } from './store/password-failures.js'
import { type PromisedValues, Promises } from './store/promises.js'
import { oldPortions } from './store/retention.js'
import { ownerVerifier } from './verify-owner.js'
import { passwordVerifier } from './verify-password.js'
import { tokenVerifier } from './verify-token.js'

/** Where time, chance and names come from: given by the composition root, so that tests can give others. */
export interface Surroundings {
  /** Unix milliseconds. */
  readonly now: () => number
  readonly randomBytes: (size: number) => Buffer
  /** Random characters of the URL-safe alphabet. */
  readonly randomName: (length: number) => string
  /** Folder of the numbered migrations. */
  readonly migrations: string
  readonly logger: Logger
}

export interface InstanceOptions extends Surroundings {
  /** Milliseconds of a clock that nobody sets: for limits, which are kept in memory. */
  readonly elapsed: () => number
  readonly db: Db
  readonly vault: KeyRing
  /** Names the audit chain. */
  readonly node: string
  readonly commands: readonly Command[]
  readonly dialects: readonly Dialect[]
  readonly native: Dialect
  readonly window: number
  readonly keep: number
  readonly bodyLimit: number
  readonly publicUrl: string
  /** The account of a bare login or owner. */
  readonly defaultAccount: number
  readonly audience: string
  readonly requireAudience: boolean
  readonly limitFailures: number
  readonly limitKey: number
  /** In MiB. */
  readonly limitWaste: number
  readonly statsRepeats: number
  /** In days. */
  readonly statsMinutes: number
  readonly statsHours: number
  readonly statsDays: number
  /** Where the signed heads of the audit trail are kept; absent for what only looks in for a moment. */
  readonly headFile?: string
  /** Counts what is answered and committed. */
  readonly meter?: MeterOf
  /** For how many milliseconds the clock must run evenly before anything is forgotten by it. */
  readonly settling?: number
}

/** A gateway on an open database, without HTTP. */
export interface Instance {
  readonly handle: Handle
  /** Counts for an address what was taken in of a body that is refused before it is there as a whole. */
  charge(address: string, bytes: number): void
  /** Bytes of the longest body that some command takes. */
  readonly bodyLimit: number
  readonly load: Load
  readonly catalogue: readonly Published[]
  /** Runs a command for the operator at the command line: checked and audited as any other, but neither signed nor claimed. */
  local(command: string, params: Record<string, unknown>, who: LocalCaller): Promise<LocalOutcome>
  /** A refusal outside the six steps: natively, but at a dialect's path beside the endpoint in its words. */
  refuse(code: GatewayCode, detail?: RefusalDetail, path?: string): Reply
  /** The methods that some dialect serves at a path of its own; undefined where none does. */
  methodsAt(path: string): readonly string[] | undefined
  /** How busy the storage is. */
  storage(): Promise<StorageLoad>
  /** Whether a write would succeed now. */
  writable(): Promise<boolean>
  /** Why the clock of this node cannot be right; undefined when it agrees with the database server's. */
  clockFault(): Promise<string | undefined>
  /** Forgets claims that can no longer matter; the number forgotten. */
  forget(): Promise<number>
  /** Writes the signed heads of the audit trail to the log and to `headFile`, when one has moved. */
  keepHead(): Promise<void>
  /** Notes, for doctor, a peer whose X-Forwarded-For was not believed. */
  noteForwarder(peer: string): Promise<void>
  close(): Promise<void>
}

export interface StorageLoad {
  /** Writes that wait for their transaction. */
  readonly waiting: number
  /** Seconds that the first of them has waited. */
  readonly longestWait: number
  /** Age of the oldest claim in seconds; undefined when there is none. */
  readonly oldestClaim: number | undefined
  /** Age of the newest backup in seconds; undefined when there was none. */
  readonly lastBackup: number | undefined
  /** Seconds by which this node's clock is ahead of the database server's; 0 where the database is a file. */
  readonly clockAhead: number
}

export interface LocalCaller {
  readonly account: number
  /** The operating system's user id. */
  readonly uid: number
}

export interface LocalOutcome {
  readonly code: number
  readonly done: boolean
  readonly message: string
  readonly result: object | undefined
}

const timeLimit = 10_000
const forgetMargin = 60
const mebibyte = 1_048_576
const flushEvery = 1_000
const mostNamed = 1_000

/** Puts the steps together on a migrated database. */
export async function openInstance(options: InstanceOptions): Promise<Instance> {
  const { db, vault, now, elapsed, logger, randomName } = options
  const seconds = () => Math.floor(now() / 1000)
  const schema = schemaOfFolder(options.migrations)
  const registry = register(options.commands)
  const log = requestLog(logger, now, registry)
  const meter = options.meter?.(registry)
  const catalogue = publishAll(options.commands)
  const authorities = new Authorities(async (keyId, queries = db) => {
    const record = await new Keys(queries, vault).load(keyId)
    if (record.unsound) onUnsound(`key ${record.keyId}`)
    return record
  })
  let knownFloor: number | undefined
  const unsound = new Set<string>()
  /** Names what is refused because its row was edited, once. */
  function onUnsound(what: string): void {
    if (unsound.has(what) || unsound.size >= mostNamed) return
    unsound.add(what)
    logger.error(
      { row: what },
      'a row of the database is not as it was written, and is refused: see "countersign doctor"',
    )
  }
  // Another process may have changed the master key: readers and the writer look for themselves.
  const doubtful = { reading: false, writing: false }
  const onDoubt = () => {
    authorities.dropAll()
    knownFloor = undefined
    doubtful.reading = doubtful.writing = true
  }
  async function follow(queries: Queries, which: keyof typeof doubtful): Promise<void> {
    try {
      await requireStillCompatible(queries, schema)
      await vault.follow(queries)
      doubtful[which] = false
    } catch (error) {
      const isNewer = error instanceof NewerSchema
      const how = isNewer ? 'as the newer version' : 'with the new master key'
      logger.error({ err: error }, `nothing is taken until the gateway is started again ${how}`)
      throw isNewer ? new StorageError('busy', error.message, { cause: error }) : error
    }
  }
  db.listen((what) => {
    if (what === floorRaised) knownFloor = undefined
    else authorities.drop(what)
  }, schema)
  const chainMac = chainMacOf(vault)
  const notes = new Notes(flush)
  const ledger = new Ledger({
    db,
    node: options.node,
    chainMac,
    notes,
    now: seconds,
    onDoubt,
    fingerprint: () => vault.fingerprint,
    schema,
    settle: (session) => (doubtful.writing ? follow(session, 'writing') : undefined),
    onTrouble(what, error) {
      meter?.trouble()
      if (error === undefined) logger.warn(what)
      else logger.error({ err: error }, what)
    },
    onCommit: meter && ((writes, seconds) => meter.committed(writes, seconds)),
  })
  await ledger.begin()
  await ledger.chore(async (session) => {
    await bindRows(session, vault, options.randomBytes(32).toString('hex'))
    // Who restores must know how far ahead messages may have been dated.
    if (options.headFile === undefined) return
    await new Meta(session).set('window', String(options.window))
    await new Promises(session).use(promisesOf(options), seconds())
  })
  if (options.headFile !== undefined) {
    const own = promisesOf(options)
    for (const shorter of shorterPromises(own, await new Promises(db).inForce(own, seconds()))) logger.warn(shorter)
    for (const later of laterPromises(own, await new Forgotten(db).moments(), seconds())) logger.warn(later)
  }

  async function readFloor(): Promise<number> {
    if (doubtful.reading) await follow(db, 'reading')
    knownFloor = await new Meta(db).floor()
    return knownFloor
  }
  // Messages that are read in one turn of the event loop arrived together: one look serves them all. The ledger looks for itself.
  let looked = false
  function floor(): number | Promise<number> {
    if (!looked) {
      looked = true
      setImmediate(() => {
        looked = false
      })
      if (db.changedElsewhere()) onDoubt()
    }
    return knownFloor ?? readFloor()
  }
  function flush(): void {
    ledger
      .flush()
      .catch((error: unknown) => logger.error({ err: error }, 'notes were not written: they are kept for the next try'))
  }
  const flushing = setInterval(flush, flushEvery)
  flushing.unref()
  const { headFile: file } = options
  const trailOn = (queries: Queries, pace?: Pace) =>
    new AuditTrail(queries, chainMac, () => keptCheckpoints(file), pace)
  const keepHead =
    file === undefined ? async () => undefined : headKeeper({ trail: trailOn(db), file, logger, now: seconds })
  const requestId = (nowMs: number) => requestPrefix(nowMs) + randomName(13)
  // A message dated ahead by the window is fresh for two: what was claimed or made void for it must last as long.
  const keepOf = ({ keep, window }: PromisedValues) => Math.max(keep, 2 * window + forgetMargin)
  const hashing = passwords(options.randomBytes)
  const hiddenName = (name: string) => hmac(vault.derive('guesses'), name, 'hex')
  const load = new Load()
  const own = promisesOf(options)
  const { samples, minutes, hours, days } = own
  const keeps = { samples, minutes, hours, days }
  const executor = new Executor({
    registry,
    db,
    ledger,
    authorities,
    sealing: vault,
    passwords: hashing,
    load,
    get paramsKey() {
      return vault.derive('params')
    },
    get earlierParamsKeys() {
      return vault.earlierParamsKeys
    },
    trailOn,
    id: () => options.randomBytes(16).toString('hex'),
    newKey: () => generateKey(options),
    newToken: () => generateToken(options),
    readable: (length) => generateReadable(options, length),
    catalogue: () => catalogue,
    keeps,
    timeLimit,
  })
  async function forgetStatistics(now: number, inForce: PromisedValues): Promise<void> {
    const horizons = {
      samples: now - inForce.samples,
      minutes: now - inForce.minutes,
      hours: now - inForce.hours,
      days: now - inForce.days,
    }
    for await (const old of oldPortions(db, horizons)) await ledger.chore(old)
  }
  const clock = new ClockGuard({ now, monotonic: elapsed, server: () => db.serverClock() }, options.settling)
  let clockWas: string | undefined
  async function clockFault(): Promise<string | undefined> {
    const fault = await clock.fault()
    if (fault !== undefined && clockWas === undefined)
      logger.error(`${fault}: this node is not ready until it is right`)
    if (fault === undefined && clockWas !== undefined) logger.info('the clock is right again')
    clockWas = fault
    return fault
  }
  /** The newest timestamp that a client signed and this gateway took for fresh, Unix seconds. */
  let newestSigned = 0
  /** The moment (Unix seconds) that has certainly come: clients, the clock, and the database server's agree that it has. */
  async function certain(): Promise<number | undefined> {
    await clockFault()
    const settled = await clock.settled()
    if (settled === undefined) return undefined
    const signed = Math.max(newestSigned, await new Claims(db).newestSigned())
    return Math.min(Math.floor(settled / 1000), signed)
  }
  const bodies = bodyLimits(options.commands, options.bodyLimit)
  const allowances = {
    failures: options.limitFailures,
    waste: options.limitWaste * mebibyte,
    messages: options.limitKey,
  }
  const limited = limits(allowances, elapsed)
  const handle = gateway({
    dialects: options.dialects,
    native: options.native,
    registry,
    authorities,
    verifiers: {
      owner: ownerVerifier(
        authorities,
        (owner, user, at) => new Owners(db).keysOf(owner, user, at),
        options.defaultAccount,
      ),
      password: passwordVerifier({
        load: (account, login, queries = db) => findLogin(queries, vault, account, login, onUnsound),
        passwords: { hash: hashing.hash, verify: (...given) => load.aside(undefined, () => hashing.verify(...given)) },
        defaultAccount: options.defaultAccount,
        key: createSecretKey(options.randomBytes(32)),
        elapsed,
        shared: db.exclusive ? undefined : new PasswordFailures(db, hiddenName, now),
      }),
      token: tokenVerifier((token, queries = db) => findToken(queries, vault, token, onUnsound)),
    },
    limits: limited,
    executor,
    floor,
    now,
    requestId,
    log,
    meter,
    notes,
    window: options.window,
    onFresh(timestamp, at) {
      if (timestamp > newestSigned) newestSigned = Math.max(newestSigned, Math.min(timestamp, at))
    },
    bodies,
    publicUrl: options.publicUrl,
    audience: options.audience,
    requireAudience: options.requireAudience,
  })
  return {
    handle,
    charge: limited.charge,
    bodyLimit: bodies.most,
    load,
    catalogue,
    async local(name, params, who) {
      const registered = registry.get(name)
      if (!registered) throw new Refusal('UNKNOWN_COMMAND')
      requireValid(registered, params, true)
      const nowMs = now()
      const executed: Executed = await executor.execute({
        requestId: requestId(nowMs),
        nowMs,
        registered,
        params,
        caller: localCaller(who),
        authority: undefined,
        dialect: 'local',
        message: undefined,
        dryRun: false,
      })
      const { code, message } = executed.entry
      return { code, done: isDone(code), message, result: executed.result }
    },
    refuse(code, detail = {}, path = '') {
      const nowMs = now()
      const serverTime = Math.floor(nowMs / 1000)
      const exchange = { requestId: requestId(nowMs), serverTime, handleTime: 0, publicUrl: options.publicUrl }
      const refusal = refusedOutcome(code, detail, undefined, false)
      meter?.refused(refusal.entry.code)
      const owner = isBelowEndpoint(path) ? undefined : ownerOf(path, options.dialects)
      return reply(refusal, owner ?? options.native, exchange, undefined)
    },
    methodsAt: (path) => ownerOf(path, options.dialects)?.methods?.(path),
    async storage() {
      const age = (made: number | undefined) => (made === undefined ? undefined : seconds() - made)
      const oldestClaim = age(await new Claims(db).oldest())
      const lastBackup = age(await new CopyNotes(db).lastBackup())
      const clockAhead = (clock.ahead ?? 0) / 1000
      return { waiting: ledger.waiting, longestWait: ledger.longestWait, oldestClaim, lastBackup, clockAhead }
    },
    writable: readiness(async () => (await clockFault()) === undefined && ledger.writable(now()), elapsed),
    clockFault,
    async forget() {
      await ledger.chore((session) => new Promises(session).use(own, seconds()))
      const moment = await certain()
      if (moment === undefined) return 0
      const inForce = await new Promises(db).inForce(own, moment)
      const until = moment - inForce.window - forgetMargin
      const before = requestPrefix((moment - keepOf(inForce)) * 1000)
      const forgotten = await ledger.forget(before, until, inForce.window)
      if (forgotten > 0) {
        knownFloor = undefined
        meter?.forgotten(forgotten)
      }
      if (!db.exclusive) await ledger.chore((session) => forgetFailures(session, moment * 1000))
      for await (const ended of endedPortions(db, moment)) await ledger.chore(ended)
      await forgetStatistics(moment, inForce)
      return forgotten
    },
    keepHead,
    noteForwarder: (peer) => ledger.chore((session) => new Meta(session).set('forwarder', peer)),
    async close() {
      clearInterval(flushing)
      await ledger.close()
      await keepHead().catch((error: unknown) =>
        logger.error({ err: error }, 'the heads of the audit trail were not kept'),
      )
      await db.close()
    },
  }
}

/** Request ids begin with the time, so that tables kept by them grow at one end. Nine digits last until the year 5188. */
function requestPrefix(nowMs: number): string {
  if (nowMs !== spelled.ms) spelled = { ms: nowMs, prefix: Math.max(0, nowMs).toString(36).padStart(9, '0') }
  return spelled.prefix
}

/** Many requests come in one millisecond. */
let spelled = { ms: Number.NaN, prefix: '' }

function localCaller({ account, uid }: LocalCaller): Caller {
  const authority = {
    account,
    principal: { kind: 'local', id: String(uid) },
    permissions: ['*', 'instance'],
    addresses: undefined,
    expiresAt: null,
    ownExpiresAt: null,
  }
  return callerOf(authority, 'local')
}
