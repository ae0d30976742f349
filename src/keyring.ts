import { createSecretKey, type KeyObject } from 'node:crypto'
import { openVault, type Vault } from './seal.js'
import { type Queries, StorageError } from './store/db.js'
import { KeyMeta } from './store/key-meta.js'

export interface MasterKey {
  readonly key: Buffer
  readonly vault: Vault
}

/** The database was sealed under a master key that is not at hand. */
export class UnknownMasterKey extends Error {}

/**
 * The vault of a database whose master key may be changed while it is in use: it seals under the key in force, and opens
 * what is still sealed under the one before. {@link KeyRing.refresh} follows a change that another process made.
 */
export class KeyRing implements Vault {
  private current: MasterKey
  private before: Vault | undefined
  private earlier: readonly KeyObject[] = []

  /** `keys` reads the keys that may be in force, the configured one first. */
  constructor(
    private readonly keys: () => readonly MasterKey[],
    private readonly randomBytes: (size: number) => Buffer,
  ) {
    const [first] = keys()
    if (!first) throw new UnknownMasterKey('there is no master key')
    this.current = first
  }

  get fingerprint(): string {
    return this.current.vault.fingerprint
  }

  /** The key in force, as it is kept. */
  get key(): Buffer {
    return this.current.key
  }

  /** The vault of the key in force before, while something may still be sealed under it. */
  get previous(): Vault | undefined {
    return this.before
  }

  /** Keys that parameters of kept claims may have been MACed with before the master key was changed. */
  get earlierParamsKeys(): readonly KeyObject[] {
    return this.earlier
  }

  derive(purpose: string): KeyObject {
    return this.current.vault.derive(purpose)
  }

  seal(text: string, binding: string): string {
    return this.current.vault.seal(text, binding)
  }

  open(sealed: string, binding: string): string {
    if (!this.before) return this.current.vault.open(sealed, binding)
    try {
      return this.current.vault.open(sealed, binding)
    } catch {
      return this.before.open(sealed, binding)
    }
  }

  tag(text: string): string {
    return this.current.vault.tag(text)
  }

  isTagged(text: string, tag: string | null): boolean {
    return this.current.vault.isTagged(text, tag) || (this.before?.isTagged(text, tag) ?? false)
  }

  /**
   * Takes what the database says of its keys. Rejects with {@link UnknownMasterKey} when none at hand is in force: nothing
   * may be written then.
   */
  async refresh(queries: Queries): Promise<void> {
    const meta = await new KeyMeta(queries).read()
    if (meta.fingerprint !== this.fingerprint) this.current = this.find(meta.fingerprint)
    const { vault } = this.current
    this.before =
      meta.previous === undefined
        ? undefined
        : openVault(Buffer.from(vault.open(meta.previous, previousBinding), 'base64'), this.randomBytes)
    this.earlier = meta.paramsKeys.map((sealed) => secretKey(vault.open(sealed, paramsBinding)))
  }

  /** As {@link refresh}, for a gateway that serves: a key that is missing is a storage that cannot be written now. */
  async follow(queries: Queries): Promise<void> {
    try {
      await this.refresh(queries)
    } catch (error) {
      throw new StorageError(
        'busy',
        'the master key was changed, and the new one is not at hand: start the gateway anew with it',
        {
          cause: error,
        },
      )
    }
  }

  private find(fingerprint: string | undefined): MasterKey {
    const found = this.keys().find(({ vault }) => vault.fingerprint === fingerprint)
    if (!found)
      throw new UnknownMasterKey(
        'the master key is not the one this database was made with: put that back, or say with COUNTERSIGN_MASTER_KEY_FILE where it is',
      )
    return found
  }
}

export const previousBinding = 'meta.previous_master_key'
export const paramsBinding = 'meta.earlier_params_keys'
const secretKey = (base64: string): KeyObject => createSecretKey(Buffer.from(base64, 'base64'))
