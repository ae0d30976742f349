import { createSecretKey } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Logger } from 'pino'
import { hmac } from './hmac.js'
import type { Vault } from './seal.js'
import type { ChainMac } from './store/audit.js'
import type { SignedHead } from './store/audit-chain.js'
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

/** `DIR/audit.head`: the last signed head of the audit trail. */
export const headFile = (folder: string): string => join(folder, 'audit.head')

export interface KeeperOptions {
  readonly trail: Pick<AuditTrail, 'checkpoint' | 'disagrees'>
  readonly node: string
  readonly file: string
  readonly logger: Pick<Logger, 'info' | 'error'>
  /** Unix seconds. */
  readonly now: () => number
}

/**
 * Writes the signed head of the audit trail to the log and to a file, when it has moved. A file that the trail no longer
 * agrees with is evidence of a tail that was cut off: it is not replaced, and said every time.
 */
export function headKeeper({ trail, node, file, logger, now }: KeeperOptions): () => Promise<void> {
  return async () => {
    const kept = readKept(file)
    const why = kept === 'damaged' ? 'it cannot be read' : kept && (await trail.disagrees(kept))
    if (why !== undefined) {
      logger.error({ file }, `the audit trail and its last checkpoint disagree: ${why}; keep the file, and verify`)
      return
    }
    const head = await trail.checkpoint(node, now())
    if (!head || (typeof kept === 'object' && kept.hash === head.hash)) return
    replace(file, `${JSON.stringify(head)}\n`)
    logger.info({ audit_head: head }, 'head of the audit trail')
  }
}

function readKept(file: string): SignedHead | 'damaged' | undefined {
  return existsSync(file) ? (readHeads(readFileSync(file, 'utf8')).at(-1) ?? 'damaged') : undefined
}

function replace(file: string, text: string): void {
  const mine = join(dirname(file), `.${basename(file)}.${process.pid}`)
  writeFileSync(mine, text, { mode: 0o600, flush: true })
  renameSync(mine, file)
}

/** The signed heads in the lines of a text: of `audit.head` itself, or of the gateway's log. Signatures are not looked at. */
export const readHeads = (text: string): SignedHead[] => text.split('\n').flatMap(readHead)

function readHead(line: string): SignedHead[] {
  if (!line.includes('"hash"')) return []
  try {
    const parsed = JSON.parse(line)
    const { node, seq, hash, at, mac } = parsed?.audit_head ?? parsed ?? {}
    const whole = [node, hash, mac].every((text) => typeof text === 'string')
    return whole && Number.isSafeInteger(seq) && Number.isSafeInteger(at) ? [{ node, seq, hash, at, mac }] : []
  } catch {
    return []
  }
}
