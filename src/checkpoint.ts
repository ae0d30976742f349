import { createSecretKey } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Logger } from 'pino'
import { hmac } from './hmac.js'
import type { Vault } from './seal.js'
import type { ChainMac } from './store/audit.js'
import type { ChainHead, Checkpoint } from './store/audit-checkpoint.js'
import type { AuditTrail } from './store/audit-trail.js'

/** The MAC of the audit trail: only who has the master key can write a row that holds. */
export function chainMacOf(vault: Pick<Vault, 'derive' | 'open'>): ChainMac {
  // Asked for each time: the master key may be changed under a running gateway.
  const mac = (text: string) => hmac(vault.derive(auditPurpose), text, 'hex')
  return Object.assign(mac, { before: (sealedKey: string) => earlier(vault.open(sealedKey, seamBinding)) })
}

function earlier(base64: string): ChainMac {
  const key = createSecretKey(Buffer.from(base64, 'base64'))
  return (text) => hmac(key, text, 'hex')
}

/** Seals the audit key of a vault under another vault, for the seam where a chain goes over from the one to the other. */
export const sealChainKey = (vault: Pick<Vault, 'derive'>, under: Pick<Vault, 'seal'>): string =>
  under.seal(vault.derive(auditPurpose).export().toString('base64'), seamBinding)

/** Seals what an earlier seam keeps under another vault. */
export const resealChainKey = (sealed: string, vault: Pick<Vault, 'open'>, under: Pick<Vault, 'seal'>): string =>
  under.seal(vault.open(sealed, seamBinding), seamBinding)

const auditPurpose = 'audit'
const seamBinding = 'audit.seam'

/** `DIR/audit.head`: the last signed heads of all chains of the audit trail. */
export const headFile = (folder: string): string => join(folder, 'audit.head')

export interface KeeperOptions {
  readonly trail: Pick<AuditTrail, 'heads' | 'sign' | 'disagrees'>
  readonly file: string
  readonly logger: Pick<Logger, 'info' | 'error'>
  /** Unix seconds. */
  readonly now: () => number
}

/** The log repeats every head after so many seconds, so that the logs of one day are enough to miss a chain that has long rested. */
const allAgain = 3_600

/**
 * Writes the signed heads of all chains to a file, and those that have moved to the log, when any has moved. A file that the
 * trail no longer agrees with is evidence of rows that were removed: it is not replaced, and every call logs it.
 */
export function headKeeper({ trail, file, logger, now }: KeeperOptions): () => Promise<void> {
  let logged: ReadonlySet<string> = new Set()
  let loggedAll = Number.NEGATIVE_INFINITY
  return async () => {
    // Before the file is compared: rows that vanish between the two are missed now, and not only at the next call.
    const heads = await trail.heads()
    const kept = readKept(file)
    const why = kept === 'damaged' ? 'it cannot be read' : kept && (await trail.disagrees(kept))
    if (why !== undefined) {
      logger.error({ file }, `the audit trail and its last checkpoint disagree: ${why}; keep the file, and verify`)
      return
    }
    const at = now()
    const before = new Set(typeof kept === 'object' ? kept.heads.map(keyOf) : [])
    if (heads.every((head) => before.has(keyOf(head)))) return
    replace(file, `${JSON.stringify(trail.sign(heads, at))}\n`)
    const all = at - loggedAll >= allAgain || at < loggedAll
    const moved = heads.filter((head) => all || !logged.has(keyOf(head)))
    if (moved.length > 0) logger.info({ audit_head: trail.sign(moved, at) }, 'heads of the audit trail')
    if (all) loggedAll = at
    logged = new Set(heads.map(keyOf))
  }
}

const keyOf = ({ node, hash }: ChainHead): string => `${hash} ${node}`

/** The checkpoint that a gateway keeps in its data folder. */
function readKept(file: string): Checkpoint | 'damaged' | undefined {
  return existsSync(file) ? (readCheckpoints(readFileSync(file, 'utf8')).at(-1) ?? 'damaged') : undefined
}

/** The same as a list, for `verify`, which reports a damaged file as one that nobody signed. */
export function keptCheckpoints(file: string | undefined): readonly Checkpoint[] {
  const kept = file === undefined ? undefined : readKept(file)
  if (kept === 'damaged') return [{ at: 0, heads: [], mac: '' }]
  return kept ? [kept] : []
}

function replace(file: string, text: string): void {
  const mine = join(dirname(file), `.${basename(file)}.${process.pid}`)
  writeFileSync(mine, text, { mode: 0o600, flush: true })
  renameSync(mine, file)
}

/** The checkpoints in the lines of a text: of `audit.head`, or of the gateway's log. Their MACs are not checked. */
export const readCheckpoints = (text: string): Checkpoint[] =>
  text
    .split('\n')
    .map(readCheckpoint)
    .filter((checkpoint) => checkpoint !== undefined)

/** The checkpoint in one line of `audit.head` or of the log, in the form of this version or of earlier ones; its MAC is not checked. */
function readCheckpoint(line: string): Checkpoint | undefined {
  if (!line.includes('"hash"')) return undefined
  try {
    const parsed = JSON.parse(line)
    const { at, mac, heads, ...single } = parsed?.audit_head ?? parsed ?? {}
    const read = Array.isArray(heads) ? heads.map(readHead) : [readHead(single)]
    const whole = read.filter((head) => head !== undefined)
    if (whole.length === 0 || whole.length < read.length) return undefined
    return Number.isSafeInteger(at) && typeof mac === 'string' ? { at, heads: whole, mac } : undefined
  } catch {
    return undefined
  }
}

function readHead({ node, seq, hash }: Partial<ChainHead>): ChainHead | undefined {
  if (typeof node !== 'string' || typeof hash !== 'string') return undefined
  return seq !== undefined && Number.isSafeInteger(seq) ? { node, seq, hash } : undefined
}
