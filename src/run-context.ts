import { type Asked, nowOf } from './call.js'
import type { Caller, Context, Judged, Keeps, Performed, Published } from './command.js'
import type { AuditEntry } from './store/audit.js'
import type { Queries } from './store/db.js'
import type { Nested } from './store/handle.js'
import type { Pace } from './store/pace.js'
import type { Store } from './store/store.js'

/** What belongs to one run: who, on which queries, and what it leaves beside its effect. */
export interface Running {
  readonly call: Asked
  readonly caller: Caller
  readonly queries: Queries
  /** Nested savepoints, for the items of a batch; undefined for reads, which keep nothing. */
  readonly nested: Nested | undefined
  readonly prepared: unknown
  readonly touch: (what: string) => void
  /** Filled while it runs. */
  readonly left: Left
  readonly pace: Pace
}

/** What a run leaves beside its effect. */
export interface Left {
  detail?: object
  items: AuditEntry[]
  /** Keys whose secrets the result shows. */
  readonly revealed: string[]
  /** Whether an item of it lowered the ceiling of a secret that it shows. */
  lowered?: boolean
  audited?: boolean
  /** Bytes that what its items answered has at least as JSON. */
  size?: number
}

/** What all runs are given alike, and how what belongs to one is made. */
export interface ContextParts {
  readonly keeps: Keeps
  readonly id: () => string
  readonly newKey: () => { readonly keyId: string; readonly secret: string }
  readonly newToken: () => string
  readonly catalogue: () => readonly Published[]
  storeOf(running: Running): Store
  performOf(running: Running): (judged: Judged) => Promise<Performed>
  requestsOf(running: Running): Context['requests']
}

/** What a command is given. Each takes few members of it, so they are made when somebody asks for them. */
export class RunContext implements Context<unknown> {
  readonly #parts: ContextParts
  readonly #running: Running
  #store: Store | undefined

  constructor(parts: ContextParts, running: Running) {
    this.#parts = parts
    this.#running = running
  }

  get caller(): Caller {
    return this.#running.caller
  }

  get store(): Store {
    this.#store ??= this.#parts.storeOf(this.#running)
    return this.#store
  }

  get now(): number {
    return nowOf(this.#running.call)
  }

  get dryRun(): boolean {
    return this.#running.call.dryRun
  }

  get keeps(): Keeps {
    return this.#parts.keeps
  }

  get pace(): Pace {
    return this.#running.pace
  }

  get prepared(): unknown {
    return this.#running.prepared
  }

  get id(): ContextParts['id'] {
    return this.#parts.id
  }

  get newKey(): ContextParts['newKey'] {
    return this.#parts.newKey
  }

  get newToken(): ContextParts['newToken'] {
    return this.#parts.newToken
  }

  get catalogue(): ContextParts['catalogue'] {
    return this.#parts.catalogue
  }

  get reveals(): Context['reveals'] {
    const { revealed } = this.#running.left
    return (keyId) => {
      revealed.push(keyId)
    }
  }

  get audit(): Context['audit'] {
    const { left } = this.#running
    return (before, after) => {
      left.detail = { before, after }
    }
  }

  get perform(): Context['perform'] {
    return this.#parts.performOf(this.#running)
  }

  get requests(): Context['requests'] {
    return this.#parts.requestsOf(this.#running)
  }
}
