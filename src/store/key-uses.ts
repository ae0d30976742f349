/** When a key was used, in Unix seconds, and from where. */
export interface Use {
  readonly at: number
  readonly address: string
}

/** Seconds between two writes of one key's use. */
const every = 60
/** Uses that a transaction takes, at most: many keys may be used for the first time in one second. */
const mostAtOnce = 500

/**
 * The last use of each key, to be written once a minute: when that is must not tell what others do. A clock that was set
 * back keeps none waiting.
 */
export class KeyUses {
  private readonly due = new Map<string, Use>()
  /** Those of keys whose use was written less than a minute ago. */
  private readonly later = new Map<string, Use>()
  /** When the use of a key was written, for a minute; the earliest stands first. */
  private readonly writtenAt = new Map<string, number>()

  /** More of them are due than one transaction takes. */
  get many(): boolean {
    return this.due.size >= mostAtOnce
  }

  /** `at` in Unix seconds. */
  used(keyId: string, at: number, address: string): void {
    const use = { at, address }
    if (isRecent(this.writtenAt.get(keyId), at)) {
      this.later.set(keyId, use)
      return
    }
    this.later.delete(keyId)
    this.due.set(keyId, use)
  }

  /** Whether there is something to write at `now` (Unix seconds); `all`: also what was written less than a minute ago. */
  isDue(now: number, all: boolean): boolean {
    this.ripen(now)
    return this.due.size > 0 || (all && this.later.size > 0)
  }

  /** What is to be written now. Call {@link written} once it is committed, and before this is called again. */
  take(now: number, all: boolean): [keyId: string, use: Use][] {
    this.ripen(now)
    if (all) return [...this.later, ...this.due]
    const taken: [string, Use][] = []
    for (const use of this.due) {
      if (taken.push(use) === mostAtOnce) break
    }
    return taken
  }

  /** A key that was used again meanwhile is written a minute later. */
  written(uses: readonly [keyId: string, use: Use][], now: number): void {
    for (const [keyId, use] of uses) {
      const newest = this.later.get(keyId) ?? this.due.get(keyId)
      this.due.delete(keyId)
      this.later.delete(keyId)
      if (newest && newest !== use) this.later.set(keyId, newest)
      this.writtenAt.delete(keyId)
      this.writtenAt.set(keyId, now)
    }
  }

  private ripen(now: number): void {
    for (const [keyId, at] of this.writtenAt) {
      if (isRecent(at, now)) return
      this.writtenAt.delete(keyId)
      const use = this.later.get(keyId)
      if (!use) continue
      this.later.delete(keyId)
      this.due.set(keyId, use)
    }
  }
}

const isRecent = (at: number | undefined, now: number): boolean => at !== undefined && Math.abs(now - at) < every
