import { type AuditEntry, type ChainMac, chained, type Head } from './audit.js'

/** A row as it stands in the trail. */
export interface AuditRow extends AuditEntry {
  readonly node: string
  readonly seq: number
  readonly hash: string
}

/** A row's number and hash under the audit key: a checkpoint says that it was there, a cut that the chain begins after it. `at` in Unix seconds. */
export interface SignedHead extends Head {
  readonly node: string
  readonly at: number
  readonly mac: string
}

/** A head at which a chain went over to another key: `key` is the audit key of the rows up to it, sealed. */
export interface Seam extends SignedHead {
  readonly key: string
}

type Purpose = 'checkpoint' | 'cut'

const signedText = (purpose: Purpose, { node, seq, hash, at }: Omit<SignedHead, 'mac'>): string =>
  JSON.stringify([purpose, node, seq, hash, at])

export function signHead(purpose: Purpose, head: Omit<SignedHead, 'mac'>, mac: ChainMac): SignedHead {
  const { node, seq, hash, at } = head
  return { node, seq, hash, at, mac: mac(signedText(purpose, head)) }
}

export const isSigned = (purpose: Purpose, head: SignedHead, mac: ChainMac): boolean =>
  mac(signedText(purpose, head)) === head.mac

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
  /** Heads that were written down elsewhere: they find a tail that was cut off. */
  readonly checkpoints?: readonly SignedHead[]
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
  // A seam pins its row as a checkpoint does: who has the key before it cannot write the rows up to it anew.
  const missing = new Map([...checkpoints, ...seams].map((checkpoint) => [keyOf(checkpoint), checkpoint]))
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
  return { rows: count, heads, broken: lost && cutOff(lost, heads.get(lost.node) ?? nothing) }
}

const keyOf = ({ node, seq }: { node: string; seq: number }): string => `${seq} ${node}`

type Broken = Verdict['broken']
type Fault = { readonly seq: number; readonly why: string } | undefined

type Earlier = ReturnType<typeof earlierMacs>

/** The MAC of a row that was written before the master key was changed. */
const macOf = (row: AuditRow, earlier: Earlier): ChainMac | undefined =>
  earlier.find(({ seam }) => seam.node === row.node && row.seq <= seam.seq)?.mac

function forgery(
  cuts: readonly SignedHead[],
  seams: readonly Seam[],
  checkpoints: readonly SignedHead[],
  mac: ChainMac,
  earlier: Earlier,
): Broken {
  const seam = seams.find((one) => !isSignedSeam(one, mac))
  if (seam) {
    const why = `the record of the change of the master key at row ${seam.seq} was altered: this instance did not sign it`
    return { node: seam.node, seq: seam.seq, why }
  }
  const cut = cuts.find((one) => !isSigned('cut', one, mac))
  if (cut) {
    const why = `the record of the cut at row ${cut.seq} was altered: this instance did not sign it`
    return { node: cut.node, seq: cut.seq, why }
  }
  const macs = [mac, ...earlier.map((one) => one.mac)]
  const checkpoint = checkpoints.find((one) => !macs.some((each) => isSigned('checkpoint', one, each)))
  const why = 'the checkpoint is not one that this instance signed'
  return checkpoint && { node: checkpoint.node, seq: checkpoint.seq, why }
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

function differs(row: AuditRow, checkpoint: SignedHead | undefined): Fault {
  if (!checkpoint || checkpoint.hash === row.hash) return undefined
  const why = `row ${row.seq} is not the one that the checkpoint of ${dateOf(checkpoint)} saw: the tail was cut off and others were written since`
  return { seq: row.seq, why }
}

function cutOff(checkpoint: SignedHead, head: Head): Broken {
  const { node, seq } = checkpoint
  const why = `the trail ends at row ${head.seq}, but the checkpoint of ${dateOf(checkpoint)} saw row ${seq}: the tail was cut off`
  return { node, seq: head.seq + 1, why }
}

const dateOf = ({ at }: SignedHead): string => new Date(at * 1000).toISOString()
