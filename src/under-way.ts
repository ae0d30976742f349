/** A power of two. Digests that meet in one are looked through one by one. */
const buckets = 4_096

interface Place<T> {
  readonly digest: string
  readonly value: T
  next: Place<T> | undefined
}

/**
 * What is under way, by digest. A Map takes new room again and again while texts come and go, and each room that it leaves points to
 * the next: once the collector has moved one of them to the old generation, it moves there all that was named in those that follow.
 */
export class UnderWay<T> {
  private readonly first: (Place<T> | undefined)[] = new Array(buckets).fill(undefined)

  has(digest: string): boolean {
    return this.find(digest) !== undefined
  }

  get(digest: string): T | undefined {
    return this.find(digest)?.value
  }

  /** Of a digest that is not there yet. */
  add(digest: string, value: T): void {
    const bucket = bucketOf(digest)
    this.first[bucket] = { digest, value, next: this.first[bucket] }
  }

  delete(digest: string): void {
    const bucket = bucketOf(digest)
    let before: Place<T> | undefined
    for (let place = this.first[bucket]; place; before = place, place = place.next) {
      if (place.digest !== digest) continue
      if (before) before.next = place.next
      else this.first[bucket] = place.next
      return
    }
  }

  private find(digest: string): Place<T> | undefined {
    let place = this.first[bucketOf(digest)]
    while (place && place.digest !== digest) place = place.next
    return place
  }
}

/** Digests differ from their first characters on. */
const bucketOf = (digest: string): number => ((digest.charCodeAt(0) << 6) ^ digest.charCodeAt(1)) & (buckets - 1)
