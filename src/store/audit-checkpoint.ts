import type { ChainMac, Head } from './audit.js'

/** A row of one chain, named by its chain, number and hash. */
export interface ChainHead extends Head {
  readonly node: string
}

/**
 * The heads of several chains at one moment, under one MAC: no head can be left out of it unnoticed, so neither a tail nor a
 * whole chain can vanish. `at` in Unix seconds.
 */
export interface Checkpoint {
  readonly at: number
  readonly heads: readonly ChainHead[]
  readonly mac: string
}

export function signCheckpoint(heads: readonly ChainHead[], at: number, mac: ChainMac): Checkpoint {
  const plain = heads.map(({ node, seq, hash }) => ({ node, seq, hash }))
  return { at, heads: plain, mac: mac(textOf({ at, heads: plain })) }
}

/** Checkpoints of earlier versions, which signed the head of a single chain, are accepted as well. */
export function isSignedCheckpoint(checkpoint: Checkpoint, mac: ChainMac): boolean {
  const [head, ...others] = checkpoint.heads
  if (!head) return false
  if (mac(textOf(checkpoint)) === checkpoint.mac) return true
  return others.length === 0 && mac(textOfOne(head, checkpoint.at)) === checkpoint.mac
}

const textOf = ({ at, heads }: Omit<Checkpoint, 'mac'>): string =>
  JSON.stringify(['heads', at, heads.map(({ node, seq, hash }) => [node, seq, hash])])

const textOfOne = ({ node, seq, hash }: ChainHead, at: number): string =>
  JSON.stringify(['checkpoint', node, seq, hash, at])
