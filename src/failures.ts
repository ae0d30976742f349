import { CommanderError, InvalidArgumentError } from 'commander'
import { exits } from './cli/exits.js'
import { ConfigError } from './config.js'
import { FileExists, UnsoundFile } from './files.js'
import { NewerSchema } from './store/compatible.js'
import { StorageError } from './store/db.js'
import { FolderInUse } from './store/folder-lock.js'
import { OlderGateways } from './store/migrate.js'

/** What the person in front of the program is told, and how it ends. */
export interface Failure {
  readonly lines: readonly string[]
  readonly exit: number
}

const failure = (exit: number, ...lines: readonly string[]): Failure => ({ lines, exit })

/** What an error that ends the program means: what happened, and what to do next. A bug is told with its trace. */
export function failureOf(error: unknown): Failure {
  // Commander has told of its own; the other one a verb throws.
  if (error instanceof InvalidArgumentError) return failure(exits.usage, error.message)
  if (error instanceof CommanderError) return failure(error.exitCode === 0 ? exits.done : exits.usage)
  if (error instanceof ConfigError) return failure(exits.configuration, ...error.faults)
  if (error instanceof NewerSchema)
    return failure(
      exits.configuration,
      error.message,
      'what to do: that, or restore the backup made before the upgrade',
    )
  if (error instanceof FolderInUse || error instanceof OlderGateways) return failure(exits.unavailable, error.message)
  if (error instanceof FileExists) return failure(exits.exists, error.message, 'what to do: give another name')
  if (error instanceof UnsoundFile) return unsound(error)
  if (error instanceof StorageError)
    return failure(exits.unavailable, `the storage failed (${error.kind}): ${error.message}`, lookAtDisk)
  if (!(error instanceof Error)) return failure(exits.notDone, String(error))
  const { code, path, address, port, syscall }: Partial<NodeJS.ErrnoException & Listening> = error
  if (code === undefined || typeof code !== 'string') return plain(error)
  if (syscall === 'listen' || syscall === 'getaddrinfo') return unheard(code, address, port, error)
  if (code === 'ERR_DLOPEN_FAILED') return unbuilt()
  if (storageCodes.test(code)) return failure(exits.unavailable, `the storage failed: ${error.message}`, lookAtDisk)
  return path === undefined ? failure(exits.notDone, error.message) : ofPath(code, path, error)
}

const lookAtDisk =
  'what to do: see that the data folder is there, that its disk has room, and that this user may write to it; "countersign doctor" looks it over'

/** What SQLite or the file system says of a disk, before there is a gateway to say it with a code. */
const storageCodes = /^(SQLITE_(IOERR|FULL|READONLY|CANTOPEN|BUSY|PERM|AUTH|NOMEM|PROTOCOL)|EROFS|ENOSPC|EIO|EDQUOT)/

const unsound = ({ message }: UnsoundFile): Failure =>
  failure(
    exits.notDone,
    `${message}: this is no sound database of Countersign, and nothing was changed`,
    'what to do: docs/operations.md, "A damaged database"; "countersign restore FILE" puts a backup in its place',
  )

const plain = (error: Error): Failure =>
  error.message.startsWith('Could not locate the bindings file')
    ? unbuilt()
    : failure(exits.notDone, error.stack ?? error.message)

const unbuilt = (): Failure =>
  failure(
    exits.configuration,
    `the package better-sqlite3 was not built for this Node.js (${process.version}, ${process.platform} ${process.arch})`,
    'what to do: "npm rebuild better-sqlite3" in the folder that the package was installed in, with this Node.js; npm 12 wants "npm install-scripts approve better-sqlite3" before it. Where there is no ready-made binary it takes Python 3, make and a C++ compiler',
  )

interface Listening {
  readonly address: string
  readonly port: number
}

function unheard(code: string, address = 'this address', port: number | undefined, error: Error): Failure {
  const where = port === undefined ? address : `${address}:${port}`
  if (code === 'EADDRINUSE')
    return failure(
      exits.notDone,
      `${where} is in use: stop what listens there, or give another --port or COUNTERSIGN_METRICS`,
    )
  if (code === 'EACCES')
    return failure(
      exits.notDone,
      `this user may not listen on ${where}`,
      'what to do: give a --port from 1024 on, and let a proxy that ends TLS listen on the other',
    )
  return failure(
    exits.notDone,
    `no address of this machine to listen on: ${error.message}`,
    'what to do: give one that it has as --host (COUNTERSIGN_HOST) or in COUNTERSIGN_METRICS; 127.0.0.1 always is one',
  )
}

function ofPath(code: string, path: string, error: Error): Failure {
  if (code === 'ENOENT')
    return failure(exits.notFound, `there is no such file or folder: ${path}`, 'what to do: give one that is there')
  if (code === 'EACCES' || code === 'EPERM')
    return failure(
      exits.configuration,
      `${path}: this user may not use it`,
      'what to do: run this as the user that the gateway runs as, or give that user the file or folder (chown)',
    )
  if (code === 'ENOTDIR' || code === 'EEXIST')
    return failure(
      exits.configuration,
      `${path}: a file is where a folder should be`,
      'what to do: give another folder',
    )
  if (code === 'EISDIR')
    return failure(exits.configuration, `${path}: a folder is where a file should be`, 'what to do: give another file')
  return failure(exits.notDone, error.message)
}
