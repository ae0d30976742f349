import { Audit, type AuditEntry, type ChainMac } from './audit.js'
import { isSignedCut, isSignedSeam, type Seam, type SignedHead, signCut, signSeam } from './audit-chain.js'
import type { ChainHead } from './audit-checkpoint.js'
import { chainHeads } from './audit-heads.js'
import { AuditTrail } from './audit-trail.js'
import type { Session } from './db.js'
import { KeyMeta, type KeyState } from './key-meta.js'
import { decoyBinding } from './keys.js'
import { Meta } from './meta.js'
import type { Sealing } from './store.js'

/** One side of a change of the master key. */
export interface KeySide extends Pick<Sealing, 'seal' | 'open'> {
  readonly mac: ChainMac
}

export interface Turn {
  readonly from: KeySide
  readonly to: KeySide
  /** What is to stand in the database from then on. */
  readonly state: KeyState
  /** The audit key before, sealed under the new one; and what earlier seams keep, sealed anew. */
  readonly chainKey: string
  readonly resealChainKey: (sealed: string) => string
  readonly node: string
  readonly entry: AuditEntry
  /** Unix seconds. */
  readonly now: number
}

/**
 * The moment from which another master key is in force, in the caller's transaction: whoever writes after it seals and
 * hashes under the new key. Rows stay sealed under the old one until `resealRows`.
 */
export async function turnKey(session: Session, turn: Turn): Promise<void> {
  const { from, to, state, node, entry } = turn
  const trail = new AuditTrail(session, from.mac)
  const meta = new Meta(session)
  const decoy = await meta.get('decoy')
  if (decoy !== undefined) await meta.set('decoy', to.seal(from.open(decoy, decoyBinding), decoyBinding))
  for (const cut of await trail.cuts()) {
    // One that was forged stays what it is.
    if (isSignedCut(cut, from.mac)) await setHead(meta, `audit_cut:${cut.node}`, signCut(cut, to.mac))
  }
  for (const seam of await trail.seams()) {
    if (!isSignedSeam(seam, from.mac)) continue
    await setHead(meta, seamName(seam), signSeam({ ...seam, key: turn.resealChainKey(seam.key) }, to.mac))
  }
  const audit = new Audit(session)
  for (const head of await chainHeads(session)) await setHead(meta, seamName(head), newSeam(turn, head))
  await new KeyMeta(session).write(state)
  await audit.append(node, entry, await audit.head(node), to.mac)
}

const newSeam = ({ now, chainKey, to }: Turn, { node, seq, hash }: ChainHead): Seam =>
  signSeam({ node, seq, hash, at: now, key: chainKey }, to.mac)

const seamName = ({ node, seq }: Pick<SignedHead, 'node' | 'seq'>): string =>
  `audit_seam:${node}:${String(seq).padStart(16, '0')}`

const setHead = (meta: Meta, name: string, head: SignedHead): Promise<void> => meta.set(name, JSON.stringify(head))
