import { statSync } from 'node:fs'
import { UnsoundFile } from './files.js'
import { FileHealth } from './store/health.js'

const quickly = 1024 ** 3

/** Throws {@link UnsoundFile} with the first fault of a database file: every page, index and reference is looked at. */
export function requireSound(file: string): void {
  look(file, (health) => health.faults()[0])
}

/** The same for a start, which must not take long: pages alone, and of a file beyond a gibibyte its first page alone. */
export function requireStartable(file: string): void {
  look(file, (health) => (statSync(file).size > quickly ? undefined : health.damage()))
}

function look(file: string, find: (health: FileHealth) => string | undefined): void {
  let health: FileHealth | undefined
  let fault: string | undefined
  try {
    health = new FileHealth(file)
    fault = find(health)
  } catch (error) {
    // A full or a read-only disk says nothing about the file.
    if (!isDamage(error)) throw error
    fault = error.message
  } finally {
    health?.close()
  }
  if (fault !== undefined) throw new UnsoundFile(`${file}: ${fault}`)
}

const isDamage = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && /^SQLITE_(CORRUPT|NOTADB)/.test(String(error.code))
