import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** There is a file of that name: nothing was written. */
export class FileExists extends Error {}

/** A file is no sound database of Countersign: which one, and why. */
export class UnsoundFile extends Error {}

/** Writes a file for its owner alone, whole or not at all, and durable when this returns. */
export function writePrivate(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true })
  renameSync(`${file}.new`, file)
  syncFolder(dirname(file))
}

/** Makes a file for its owner alone unless it is there; of several processes one makes it. Durable when this returns. */
export function makePrivate(file: string, text: string): void {
  if (existsSync(file)) return
  const mine = join(dirname(file), `.${basename(file)}.${process.pid}`)
  writePrivate(mine, text)
  try {
    linkSync(mine, file)
  } catch {
    // Another process was first; where it was something else, reading the file says so.
  }
  rmSync(mine)
  syncFolder(dirname(file))
}

/** A file that was renamed or linked survives a power cut only once its folder is on disk. */
export const syncFolder = (folder: string): void => sync(folder)

/** Forces a file, or the names in a folder, to disk. */
export function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

/** The folder is for its owner alone, and so is every file in it (protocol §11). */
export function protect(folder: string): void {
  chmodSync(folder, 0o700)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isFile()) restrict(join(folder, entry.name))
  }
}

function restrict(file: string): void {
  try {
    chmodSync(file, 0o600)
  } catch (error) {
    // Another process may have taken its file away meanwhile.
    if (existsSync(file)) throw error
  }
}

/** What takes long says what it is at. */
export interface Steps {
  onStep(what: string): void
}

export const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`
