import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { root } from './instance.js'
import { hasPrograms } from './server.js'

/** A call for a driver to make. Times in seconds. */
export interface DriverCall {
  readonly cmd?: string
  /** Instead of `cmd`: the command whose method is to be called. */
  readonly helper?: string
  readonly params?: object
  readonly idempotency_key?: string
  readonly dry_run?: boolean
  readonly options?: {
    readonly retries?: number
    readonly timeout?: number
    readonly longest_wait?: number
    readonly audience?: string
    readonly cdn?: number
    /** Certificates to trust; for the TypeScript client NODE_EXTRA_CA_CERTS does it. */
    readonly ca_file?: string
  }
}

/** What a client made of it, in the words of all three. */
export interface DriverAnswer {
  /** Name of the error's class; `usage` for what the client refuses to send. */
  readonly error?: string
  readonly text?: string
  readonly code: number | null
  readonly replayed?: boolean
  readonly dry_run?: boolean
  readonly result?: object
  readonly errors?: readonly { readonly path: string; readonly message: string }[]
  readonly outcome_unknown?: boolean
  readonly authentic?: boolean
  readonly attempts?: number
  readonly idempotency_key?: string
  readonly request_id?: string | null
}

/** A program in one of the languages that makes calls one after the other. */
export interface Driver {
  readonly process: ChildProcess
  call(call: DriverCall): Promise<DriverAnswer>
  end(): void
}

const programs = {
  PHP: { command: ['php', 'driver.php'], needs: ['php', 'php-curl'] },
  Python: { command: ['python3', 'driver.py'], needs: ['python3'] },
  TypeScript: { command: [process.execPath, 'driver.mjs'], needs: [] },
} as const

export type Language = keyof typeof programs
export const languages: readonly Language[] = ['PHP', 'Python', 'TypeScript']

/** Starts the driver of a language; undefined, and the test skipped loudly, where the language is missing. */
export function driverFor(
  t: TestContext,
  language: Language,
  url: string,
  keyFile: string,
  env: Readonly<Record<string, string>> = {},
): Driver | undefined {
  const { command, needs } = programs[language]
  if (!hasPrograms(t, ...needs)) return undefined
  const [program, file] = command
  const child = spawn(program, [join(root, 'test/clients/drivers', file), url, keyFile], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => void child.kill('SIGKILL'))
  const waiting: ((line: string) => void)[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => waiting.shift()?.(line))
  lines.once('close', () => {
    for (const answer of waiting) answer('{"error":"the driver ended"}')
  })
  return {
    process: child,
    async call(call) {
      const line = new Promise<string>((resolve) => waiting.push(resolve))
      child.stdin.write(`${JSON.stringify(call)}\n`)
      return JSON.parse(await line)
    },
    end: () => void child.stdin.end(),
  }
}
