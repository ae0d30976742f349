/** The last use of a key. */
export interface HeldUse {
  readonly keyId: string
  /** Unix seconds. */
  at: number
  address: string
  /** Whether it is to be written now, or was less than a minute ago. */
  due: boolean
  /** Used again since it was written. */
  again: boolean
  /** False once it is held no longer: the next use begins a new one. */
  kept: boolean
}

/** What a transaction writes of a key: when it was used, in Unix seconds, and from where. */
export interface Use {
  readonly keyId: string
  readonly at: number
  readonly address: string
}

/** Keys whose uses were written at the same time, Unix seconds. */
interface Written {
  readonly at: number
  readonly keys: readonly HeldUse[]
}

/** Seconds between two writes of one key's use. */
const every = 60
/** Seconds between two looks at what may be written again: what lies beside each other is then written together, a page for many. */
const tick = 10
/** Uses that a transaction takes, at most: many keys may be used for the first time in one second. */
const mostAtOnce = 500

/**
 * The last use of each key, to be written once a minute: when that is must not tell what others do. A clock that was set
 * back keeps none waiting. A use changes what is held of its key: where something new lives until the key is used again, the
 * collector moves all of it.
 */
export class KeyUses {
  private readonly held = new Map<string, HeldUse>()
  private due: HeldUse[] = []
  /** What was written less than a minute ago; the earliest stands first. */
  private written: Written[] = []
  private lastTick: number | undefined

  /** More of them are due than one transaction takes. */
  get many(): boolean {
    return this.due.length >= mostAtOnce
  }

  /** `at` in Unix seconds. `known` is what the use before gave: with many keys, to look it up takes as long as all else here. */
  used(keyId: string, at: number, address: string, known?: HeldUse): HeldUse {
    const held = known?.kept ? known : this.held.get(keyId)
    if (held) {
      held.at = at
      // A text as old as the use of its key: a newer one is moved by the collector, which looks again at all that name it.
      if (held.address !== address) held.address = address
      held.again = true
      return held
    }
    const first: HeldUse = { keyId, at, address, due: true, again: false, kept: true }
    this.held.set(keyId, first)
    this.due.push(first)
    return first
  }

  /** Whether there is something to write at `now` (Unix seconds); `all`: also what was written less than a minute ago. */
  isDue(now: number, all: boolean): boolean {
    this.ripen(now)
    return this.due.length > 0 || (all && this.later().length > 0)
  }

  /** What is to be written now. Call {@link wrote} once it is committed, and before this is called again. */
  take(now: number, all: boolean): Use[] {
    this.ripen(now)
    return (all ? [...this.later(), ...this.due] : this.due.slice(0, mostAtOnce)).map(useOf)
  }

  /** A key that was used again meanwhile is written a minute later. */
  wrote(uses: readonly Use[], now: number): void {
    if (uses.length === 0) return
    const keys: HeldUse[] = []
    for (const { keyId, at, address } of uses) {
      const held = this.held.get(keyId)
      if (!held) continue
      held.due = false
      held.again = held.at !== at || held.address !== address
      keys.push(held)
    }
    this.due = this.due.filter(({ due }) => due)
    this.written.push({ at: now, keys })
  }

  private later(): HeldUse[] {
    return this.written.flatMap(({ keys }) => keys.filter(({ due, again }) => again && !due))
  }

  private ripen(now: number): void {
    const at = Math.floor(now / tick)
    if (at === this.lastTick) return
    this.lastTick = at
    const recent = this.written.findIndex((one) => Math.abs(now - one.at) < every)
    const ripe = this.written.splice(0, recent < 0 ? this.written.length : recent).flatMap(({ keys }) => keys)
    for (const held of ripe.sort(byKey)) {
      if (held.due) continue
      if (held.again) {
        held.due = true
        this.due.push(held)
      } else if (this.held.get(held.keyId) === held) {
        held.kept = false
        this.held.delete(held.keyId)
      }
    }
  }
}

const useOf = ({ keyId, at, address }: HeldUse): Use => ({ keyId, at, address })

const byKey = (a: HeldUse, b: HeldUse): number => (a.keyId < b.keyId ? -1 : 1)
