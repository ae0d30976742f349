import { type AuditEntry, type ChainMac, chained, type Head } from './audit.js'
import { type ChainHead, type Checkpoint, isSignedCheckpoint } from './audit-checkpoint.js'

/** A row as it stands in the trail. */
export interface AuditRow extends AuditEntry {
  readonly node: string
  readonly seq: number
  readonly hash: string
}

/** A row's number and hash under the audit key: the chain begins after it. `at` in Unix seconds. */
export interface SignedHead extends ChainHead {
  readonly at: number
  readonly mac: string
}

/** A head at which a chain went over to another key: `key` is the audit key of the rows up to it, sealed. */
export interface Seam extends SignedHead {
  readonly key: string
}

const cutText = ({ node, seq, hash, at }: Omit<SignedHead, 'mac'>): string =>
  JSON.stringify(['cut', node, seq, hash, at])

export function signCut(head: Omit<SignedHead, 'mac'>, mac: ChainMac): SignedHead {
  const { node, seq, hash, at } = head
  return { node, seq, hash, at, mac: mac(cutText(head)) }
}

export const isSignedCut = (head: SignedHead, mac: ChainMac): boolean => mac(cutText(head)) === head.mac

const seamText = ({ node, seq, hash, at, key }: Omit<Seam, 'mac'>): string =>
  JSON.stringify(['seam', node, seq, hash, at, key])

export const signSeam = ({ node, seq, hash, at, key }: Omit<Seam, 'mac'>, mac: ChainMac): Seam => ({
  node,
  seq,
  hash,
  at,
  key,
  mac: mac(seamText({ node, seq, hash, at, key })),
})

export const isSignedSeam = (seam: Seam, mac: ChainMac): boolean => mac(seamText(seam)) === seam.mac

/** The MACs that were in use before the seams that hold, the oldest first; seams that do not hold are left out. */
export function earlierMacs(seams: readonly Seam[], mac: ChainMac): { readonly seam: Seam; readonly mac: ChainMac }[] {
  return seams
    .filter((seam) => isSignedSeam(seam, mac))
    .map((seam) => ({ seam, mac: mac.before?.(seam.key) ?? mac }))
    .sort((one, other) => one.seam.seq - other.seam.seq)
}

/** What checking found: how many rows held, where the chains end, and the first row that did not hold, in words for an operator. */
export interface Verdict {
  readonly rows: number
  readonly heads: ReadonlyMap<string, Head>
  readonly broken: { readonly node: string; readonly seq: number; readonly why: string } | undefined
}

/** What is known of the chains beside their rows. */
export interface Evidence {
  /** Where chains begin when not at their first row. */
  readonly cuts: readonly SignedHead[]
  /** Where the master key was changed: the rows up to one are hashed under the key before it. */
  readonly seams?: readonly Seam[]
  /** Heads that were kept elsewhere: they find a tail, or a whole chain, that was removed. */
  readonly checkpoints?: readonly Checkpoint[]
}

const nothing: Head = { seq: 0, hash: '' }

/** Checks rows in the order of their chains. `onRow` is called with the number of rows that held so far. */
export async function verifyChain(
  rows: AsyncIterable<AuditRow> | Iterable<AuditRow>,
  { cuts, seams = [], checkpoints = [] }: Evidence,
  mac: ChainMac,
  onRow: (rows: number) => void = () => undefined,
): Promise<Verdict> {
  const heads = new Map<string, Head>(cuts.map((cut) => [cut.node, cut]))
  const earlier = earlierMacs(seams, mac)
  const forged = forgery(cuts, seams, checkpoints, mac, earlier)
  if (forged) return { rows: 0, heads, broken: forged }
  const { missing, conflict } = pinsOf(seams, checkpoints)
  if (conflict) return { rows: 0, heads, broken: conflict }
  let count = 0
  for await (const row of rows) {
    const head = heads.get(row.node) ?? nothing
    const broken = fault(row, head, macOf(row, earlier) ?? mac) ?? differs(row, missing.get(keyOf(row)))
    if (broken) return { rows: count, heads, broken: { node: row.node, ...broken } }
    missing.delete(keyOf(row))
    heads.set(row.node, { seq: row.seq, hash: row.hash })
    onRow(++count)
  }
  const starts = new Map(cuts.map((cut) => [cut.node, cut.seq]))
  const [lost] = [...missing.values()].filter(({ node, seq }) => seq > (starts.get(node) ?? 0))
  const broken = lost ? cutOff(lost, heads.get(lost.node) ?? nothing) : emptied(cuts, heads)
  return { rows: count, heads, broken }
}

const keyOf = ({ node, seq }: { node: string; seq: number }): string => `${seq} ${node}`

/** A row that was there at a moment, Unix seconds. */
interface Pin extends ChainHead {
  readonly at: number
}

/** The rows that must be there. A seam pins its row as a checkpoint does: the key before it cannot rewrite the rows up to it. */
function pinsOf(
  seams: readonly Seam[],
  checkpoints: readonly Checkpoint[],
): { missing: Map<string, Pin>; conflict: Broken } {
  const missing = new Map<string, Pin>()
  for (const { at, heads } of [...checkpoints, ...seams.map((seam) => ({ at: seam.at, heads: [seam] }))]) {
    for (const { node, seq, hash } of heads) {
      const pin = { node, seq, hash, at }
      const other = missing.get(keyOf(pin))
      // The row was exchanged between two checkpoints, so whatever stands there now contradicts one of them.
      if (other && other.hash !== hash) return { missing, conflict: exchanged(other, pin) }
      missing.set(keyOf(pin), pin)
    }
  }
  return { missing, conflict: undefined }
}

type Broken = Verdict['broken']
type Fault = { readonly seq: number; readonly why: string } | undefined

type Earlier = ReturnType<typeof earlierMacs>

/** The MAC of a row that was written before the master key was changed. */
const macOf = (row: AuditRow, earlier: Earlier): ChainMac | undefined =>
  earlier.find(({ seam }) => seam.node === row.node && row.seq <= seam.seq)?.mac

function forgery(
  cuts: readonly SignedHead[],
  seams: readonly Seam[],
  checkpoints: readonly Checkpoint[],
  mac: ChainMac,
  earlier: Earlier,
): Broken {
  const seam = seams.find((one) => !isSignedSeam(one, mac))
  if (seam) {
    const why = `the record of the change of the master key at row ${seam.seq} was altered: this instance did not sign it`
    return { node: seam.node, seq: seam.seq, why }
  }
  const cut = cuts.find((one) => !isSignedCut(one, mac))
  if (cut) {
    const why = `the record of the cut at row ${cut.seq} was altered: this instance did not sign it`
    return { node: cut.node, seq: cut.seq, why }
  }
  const macs = [mac, ...earlier.map((one) => one.mac)]
  const checkpoint = checkpoints.find((one) => !macs.some((each) => isSignedCheckpoint(one, each)))
  const why = 'the checkpoint is not one that this instance signed'
  return checkpoint && { node: checkpoint.heads[0]?.node ?? '', seq: checkpoint.heads[0]?.seq ?? 0, why }
}

function fault(row: AuditRow, head: Head, mac: ChainMac): Fault {
  const next = head.seq + 1
  if (row.seq > next) {
    const gone = row.seq - 1 === next ? `row ${next} is missing` : `rows ${next} to ${row.seq - 1} are missing`
    return { seq: next, why: head.seq === 0 ? `${gone}, and no signed cut accounts for it` : gone }
  }
  if (row.seq !== next) return { seq: row.seq, why: `row ${row.seq} comes after row ${head.seq}` }
  if (mac(chained(row.node, row.seq, row, head.hash)) === row.hash) return undefined
  return { seq: row.seq, why: `row ${row.seq} is not as it was written: it, or its hash, was changed` }
}

function differs(row: AuditRow, pin: Pin | undefined): Fault {
  if (!pin || pin.hash === row.hash) return undefined
  const why = `row ${row.seq} is not the one that the checkpoint of ${dateOf(pin)} saw: the tail was cut off and others were written since`
  return { seq: row.seq, why }
}

function exchanged(one: Pin, other: Pin): Broken {
  const { node, seq } = one
  const why = `the checkpoints of ${dateOf(one)} and of ${dateOf(other)} saw different rows ${seq}: the tail was cut off between them`
  return { node, seq, why }
}

function cutOff(pin: Pin, head: Head): Broken {
  const { node, seq } = pin
  const found = head.seq === 0 ? `chain ${node} has no rows` : `the trail ends at row ${head.seq}`
  const why = `${found}, but the checkpoint of ${dateOf(pin)} saw row ${seq}: the tail was cut off`
  return { node, seq: head.seq + 1, why }
}

/** A cut always leaves the last row of its chain. */
function emptied(cuts: readonly SignedHead[], heads: ReadonlyMap<string, Head>): Broken {
  const cut = cuts.find(({ node, seq }) => heads.get(node)?.seq === seq)
  const why = `no row is left after the cut at row ${cut?.seq}: the tail was cut off`
  return cut && { node: cut.node, seq: cut.seq + 1, why }
}

const dateOf = ({ at }: Pin): string => new Date(at * 1000).toISOString()
