import type { Command } from 'commander'
import { localCodes } from '../../schemas/codes.js'
import type { AuditRow, Seam, SignedHead, Verdict } from '../store/audit-chain.js'
import type { Checkpoint } from '../store/audit-checkpoint.js'
import { exits } from './exits.js'
import type { Tools } from './tools.js'
import { accountNumber, dayCount, group } from './values.js'

interface VerifyFlags {
  readonly data?: string
  readonly checkpoint?: string
  readonly file?: string
}

const rowsAtOnce = 500
const progressEvery = 5_000

export function auditVerbs(program: Command, tools: Tools): void {
  const audit = group(program, 'audit', 'the audit trail: who did what')
  audit
    .command('verify')
    .description('check the chain of the audit trail; a server may be running')
    .option('--data <dir>', 'data folder (default ./data)')
    .option(
      '--checkpoint <file>',
      'audit.head or a log with heads, kept elsewhere: finds a tail or a chain that was removed',
    )
    .option('--file <file>', 'check what "audit export" wrote instead of the database')
    .addHelpText('after', '\nExample:\n  countersign audit verify --checkpoint /mnt/elsewhere/audit.head')
    .action((flags: VerifyFlags) => verify(tools, flags))
  audit
    .command('export')
    .description('print the audit trail as one JSON object a line, with its hashes')
    .option('--data <dir>', 'data folder (default ./data)')
    .option('--account <number>', 'only rows of this account', accountNumber)
    .addHelpText('after', '\nExample:\n  countersign audit export --data ./data > audit.jsonl')
    .action((flags: { data?: string; account?: number }) => exportRows(tools, flags))
  audit
    .command('cut')
    .description('remove old rows of the audit trail, leaving a signed cut to verify from')
    .requiredOption('--keep-days <number>', 'rows younger than so many days stay', dayCount)
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText('after', '\nExample:\n  countersign audit cut --keep-days 400')
    .action((flags: { data?: string; keepDays: number }) => cut(tools, flags))
}

async function verify(tools: Tools, { data, checkpoint, file }: VerifyFlags): Promise<void> {
  const config = tools.config({ data })
  const checkpoints = checkpoint === undefined ? [] : tools.readCheckpoints(checkpoint)
  if (checkpoints.length === 0 && checkpoint !== undefined) {
    tools.say(`${checkpoint}: there is no signed head in it`)
    return tools.exit(exits.usage)
  }
  const onRow = progress(tools, 'checked')
  if (file !== undefined) {
    return report(tools, file, await verifyFile(tools, config, file, checkpoints, onRow), checkpoints)
  }
  const trail = await tools.openTrail(config)
  try {
    report(tools, config.data, await trail.verify(checkpoints, onRow), checkpoints)
  } finally {
    await trail.close()
  }
}

function report(tools: Tools, where: string, { rows, broken, heads }: Verdict, checkpoints: readonly object[]): void {
  tools.progress(undefined)
  if (broken) {
    const { node: chain, seq, why } = broken
    tools.print(JSON.stringify({ ok: false, rows, chain, first_broken: seq, why }))
    const place = heads.size < 2 ? `row ${seq}` : `row ${seq} of chain ${chain}`
    tools.say(`the audit trail in ${where} is broken at ${place}: ${why}`)
    if (broken.seq === 1) tools.say('where every row seems wrong, make sure that the master key is the right one')
    tools.exit(exits.notDone)
    return
  }
  const last = Math.max(0, ...[...heads.values()].map(({ seq }) => seq))
  tools.print(JSON.stringify({ ok: true, rows, last_row: last, checkpoints: checkpoints.length }))
  tools.say(`the audit trail in ${where} holds: ${rows} rows, the last is number ${last}`)
  if (checkpoints.length === 0) tools.say('whether its end was cut off, only --checkpoint can tell')
}

/** Checks exported rows: a line that is no row is broken as one that was edited is. */
async function verifyFile(
  tools: Tools,
  config: ReturnType<Tools['config']>,
  file: string,
  checkpoints: readonly Checkpoint[],
  onRow: (rows: number) => void,
): Promise<Verdict> {
  const cuts: SignedHead[] = []
  const seams: Seam[] = []
  let number = 0
  let damaged = 0
  async function* rows(lines: AsyncIterable<string>): AsyncGenerator<AuditRow> {
    for await (const line of lines) {
      number++
      if (line === '') continue
      const parsed = parsedLine(line)
      if (!parsed) {
        damaged = number
        return
      }
      if (number > cuts.length + seams.length) yield parsed
    }
  }
  for await (const line of tools.lines(file)) {
    const { cut, seam } = parsedLine(line) ?? {}
    if (cut) cuts.push(cut)
    else if (seam) seams.push(seam)
    else break
  }
  const verdict = await tools.verifyRows(config, rows(tools.lines(file)), { cuts, seams, checkpoints }, onRow)
  if (damaged === 0) return verdict
  const head = Math.max(0, ...[...verdict.heads.values()].map(({ seq }) => seq))
  return { ...verdict, broken: { node: '', seq: head + 1, why: `line ${damaged} of the file is no JSON object` } }
}

/** An export begins with what is known of its chains beside their rows. */
function parsedLine(line: string): (AuditRow & { cut?: SignedHead; seam?: Seam }) | undefined {
  try {
    const value = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

async function exportRows(tools: Tools, { data, account }: { data?: string; account?: number }): Promise<void> {
  const trail = await tools.openTrail(tools.config({ data }))
  // On one terminal, rows and progress would be mixed.
  const onRow = tools.terminal ? () => undefined : progress(tools, 'exported')
  try {
    if (account !== undefined) tools.say(`only rows of account ${account}: they cannot be verified as a chain`)
    else {
      for (const cut of await trail.cuts()) tools.print(JSON.stringify({ cut }))
      for (const seam of await trail.seams()) tools.print(JSON.stringify({ seam }))
    }
    let count = 0
    let lines: string[] = []
    for await (const row of trail.rows()) {
      if (account !== undefined && row.account !== account) continue
      lines.push(JSON.stringify(row))
      onRow(++count)
      if (lines.length < rowsAtOnce) continue
      tools.print(lines.join('\n'))
      lines = []
    }
    if (lines.length > 0) tools.print(lines.join('\n'))
    tools.progress(undefined)
  } finally {
    await trail.close()
  }
}

async function cut(tools: Tools, { data, keepDays }: { data?: string; keepDays: number }): Promise<void> {
  const config = tools.config({ data })
  const trail = await tools.openTrail(config)
  try {
    // What goes can never be checked again: the checkpoint in the data folder is checked too.
    const verdict = await trail.verify(undefined, progress(tools, 'checked'))
    if (verdict.broken) {
      tools.say('nothing was removed:')
      return report(tools, config.data, verdict, [])
    }
    const now = tools.now()
    const removed = await trail.cut({
      before: now - keepDays * 86_400,
      now,
      uid: tools.uid(),
      code: localCodes.AUDIT_CUT.code,
      onRows: progress(tools, 'removed'),
    })
    tools.progress(undefined)
    tools.print(JSON.stringify({ removed }))
    tools.say(removed === 0 ? 'no row is old enough' : `${removed} rows removed; "audit verify" begins after them`)
  } finally {
    await trail.close()
  }
}

/** Says how many rows were done, now and then. */
function progress(tools: Tools, done: string): (rows: number) => void {
  return (rows) => {
    if (rows % progressEvery === 0) tools.progress(`${rows} rows ${done}`)
  }
}
