import { type Command, InvalidArgumentError } from 'commander'
import { gatewayCodes } from '../../schemas/codes.js'
import type { Tools } from './tools.js'
import { group } from './values.js'

const about = `
For an instance that answers every message with ${gatewayCodes.OVERLOADED.code} because its clock was once wrong. Messages dated at or before the
floor are refused. This verb lowers the floor to the latest moment for which a message may have been signed by now. It is
safe only while the clock is right: read today's date (UTC) from another machine, and give it with --today.

Example:
  countersign floor lower --today 2026-12-01`

export function floorVerbs(program: Command, tools: Tools): void {
  group(program, 'floor', 'the moment up to which messages are refused')
    .command('lower')
    .description('repair an instance whose floor a wrong clock has raised; a server may be running')
    .requiredOption('--today <date>', 'the date in UTC, read elsewhere: 2026-12-01', date)
    .option('--keys-rotated', 'every key that signed while the clock was wrong has another secret now')
    .option('--data <dir>', 'data folder (default ./data)')
    .addHelpText('after', about)
    .action(async ({ data, today, keysRotated }: { data?: string; today: string; keysRotated?: true }) => {
      const { before, floor } = await tools.lowerFloor(tools.config({ data }), {
        today,
        keysRotated: keysRotated === true,
      })
      tools.print(JSON.stringify({ before, floor }))
      if (floor === before) return tools.say(`the floor is ${dateOf(before)}: there is nothing to lower`)
      tools.say(
        `the floor was ${dateOf(before)}, and is ${dateOf(floor)}: until then every message is answered ${gatewayCodes.OVERLOADED.code}`,
      )
    })
}

function date(text: string): string {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) throw new InvalidArgumentError('expected a date such as 2026-12-01')
  return text
}

const dateOf = (seconds: number): string => new Date(seconds * 1000).toISOString()
