import type { Command } from 'commander'
import { ConfigError } from '../config.js'
import type { Finding } from '../finding.js'
import { exits } from './exits.js'
import { styled } from './table.js'
import type { Tools } from './tools.js'

export function doctorVerb(program: Command, tools: Tools): void {
  program
    .command('doctor')
    .description('look over configuration, files, database, clock, master key, port and proxy, and say what to do')
    .option('--data <dir>', 'data folder (default ./data)')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', '\nExample:\n  countersign doctor --data /var/lib/countersign')
    .action(async ({ data, json }: { data?: string; json?: boolean }) => {
      const { findings, exit } = await examined(tools, data)
      if (json) tools.print(JSON.stringify({ ok: exit === exits.done, findings }))
      else for (const line of findings.flatMap((finding) => spelled(finding, tools.colour))) tools.print(line)
      tools.exit(exit)
    })
}

async function examined(tools: Tools, data: string | undefined): Promise<{ findings: Finding[]; exit: number }> {
  let findings: Finding[]
  try {
    findings = await tools.examine(tools.config({ data }))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const faults = error.faults.map((text): Finding => ({ check: 'configuration', level: 'fail', text, next: mend }))
    return { findings: faults, exit: exits.configuration }
  }
  return { findings, exit: findings.some(({ level }) => level === 'fail') ? exits.notDone : exits.done }
}

const mend = 'mend this setting; nothing else was looked at'

const styles = { ok: 'green', warn: 'yellow', fail: 'red' } as const

const spelled = ({ level, check, text, next }: Finding, colour: boolean): string[] => [
  `${styled(styles[level], level.padEnd(4), colour)}  ${check}: ${text}`,
  ...(next === undefined ? [] : [`      next: ${next}`]),
]
