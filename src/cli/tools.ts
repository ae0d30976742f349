import type { Backup } from '../backup.js'
import type { Config } from '../config.js'
import type { Finding } from '../finding.js'
import type { Lowered, LowerOptions } from '../floor.js'
import type { Instance, LocalOutcome } from '../instance.js'
import type { Moved, MoveOptions } from '../move.js'
import { Refusal } from '../refusal.js'
import type { Rekeyed, RekeyOptions } from '../rekey.js'
import type { Restored } from '../restore.js'
import type { AuditRow, Evidence, Verdict } from '../store/audit-chain.js'
import type { Checkpoint } from '../store/audit-checkpoint.js'
import type { Migrated } from '../store/migrate.js'
import type { OfflineTrail } from '../store/offline-trail.js'
import { exitOf } from './exits.js'
import type { Look } from './table.js'

/** What a verb may do to the world: given by main.ts. */
export interface Tools extends Look {
  config(flags: Readonly<Record<string, string | undefined>>): Config
  /** Data: stdout. */
  print(text: string): void
  /** Talk: stderr. */
  say(text: string): void
  readStdin(): Promise<Buffer>
  readFile(path: string): Buffer
  /** The lines of a text file, or of stdin for `-`, without their ends. */
  lines(path: string): AsyncIterable<string>
  /** The checkpoints of the audit trail in a file. */
  readCheckpoints(path: string): Checkpoint[]
  /** Makes a file for a secret, mode 0600, which must not exist yet: made before what fills it, since a secret is shown once. */
  secretFile(path: string): SecretFile
  /** Looks the data folder, the database and the surroundings over without changing anything. */
  examine(config: Config): Promise<Finding[]>
  /** Unix seconds. */
  now(): number
  exit(code: number): void
  isInitialised(config: Config): boolean
  /** Undefined where another node has made the database. */
  initialise(config: Config, cdn: number): Promise<{ cdn: number; api_key: string; secret: string } | undefined>
  adminKeyFile(folder: string): string
  /** Opens the data folder for one verb; a running server notices what it changes. */
  open(config: Config): Promise<Instance>
  backup(config: Config, file: string): Promise<Backup>
  lowerFloor(config: Config, options: Omit<LowerOptions, 'uid'>): Promise<Lowered>
  restore(config: Config, file: string | undefined): Promise<Restored>
  rekey(config: Config, options: Pick<RekeyOptions, 'newKeyFile' | 'onRows'>): Promise<Rekeyed>
  /** Applies the migrations that the database has not seen. `finish`: those too that end the work of older versions. */
  migrate(config: Config, finish: boolean): Promise<Migrated>
  /** Copies the instance of a SQLite file into a PostgreSQL database. */
  move(config: Config, options: MoveOptions): Promise<Moved>
  openTrail(config: Config): Promise<OfflineTrail>
  /** Checks rows that are not in a database; only the master key is needed. */
  verifyRows(
    config: Config,
    rows: AsyncIterable<AuditRow>,
    evidence: Evidence,
    onRow: (rows: number) => void,
  ): Promise<Verdict>
  /** The OpenAPI description of every command, the operator's own included. */
  describe(config: Config): Promise<object>
  /** A line on a terminal that the next one replaces; undefined clears it. Nothing where stderr is no terminal. */
  progress(text: string | undefined): void
  serve(config: Config): Promise<void>
  uid(): number
}

/** A file that was made and waits for its secret. */
export interface SecretFile {
  write(text: string): void
  /** Removes the file again. */
  discard(): void
}

/** What is printed of an outcome: a reply in JSON, or a text. */
type Shown = LocalOutcome | string

function spelled(shown: Shown, cmd: string): string {
  if (typeof shown === 'string') return shown
  const { code, done, message, result } = shown
  return JSON.stringify({ code, status: done ? 'success' : 'failure', message, cmd, result })
}

type Flags = Readonly<Record<string, string | undefined>>
type Show = (outcome: LocalOutcome) => Shown
type Run = (params: Record<string, unknown>) => Promise<LocalOutcome>

const asItIs: Show = (outcome) => outcome

/** Runs one command on the data folder itself, as the operator, prints what `show` makes of its outcome, and ends accordingly. */
export function withInstance(
  tools: Tools,
  flags: Flags,
  account: number,
  cmd: string,
  params: Record<string, unknown>,
  show: Show = asItIs,
): Promise<void> {
  return withLocal(tools, flags, account, cmd, (run) => run(params), show)
}

/** The same with a command that lists: all of its pages, as one. `member` names the rows in its result. */
export function withWholeList(
  tools: Tools,
  flags: Flags,
  account: number,
  cmd: string,
  member: string,
  show: Show,
): Promise<void> {
  return withLocal(tools, flags, account, cmd, (run) => wholeList(run, member), show)
}

async function wholeList(run: Run, member: string): Promise<LocalOutcome> {
  const all: unknown[] = []
  for (let page = 1; ; page++) {
    const outcome = await run({ page })
    const { [member]: rows = [], paging }: Record<string, unknown[]> & { paging?: { total: number } } = Object(
      outcome.result,
    )
    all.push(...rows)
    if (!outcome.done || rows.length === 0 || all.length >= (paging?.total ?? 0)) {
      const shown = { [member]: all, paging: { page: 1, pagesize: all.length, total: all.length } }
      return outcome.done ? { ...outcome, result: shown } : outcome
    }
  }
}

async function withLocal(
  tools: Tools,
  flags: Flags,
  account: number,
  cmd: string,
  perform: (run: Run) => Promise<LocalOutcome>,
  show: Show,
): Promise<void> {
  const instance = await tools.open(tools.config(flags))
  try {
    const outcome = await perform((params) => instance.local(cmd, params, { account, uid: tools.uid() }))
    tools.print(spelled(show(outcome), cmd))
    tools.exit(exitOf(outcome.code))
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const reply = instance.refuse(error.code, error.detail)
    tools.print(reply.body)
    tools.exit(exitOf(reply.code))
  } finally {
    await instance.close()
  }
}
