import { localCodes } from '../schemas/codes.js'
import { chainMacOf } from './checkpoint.js'
import { ClockGuard } from './clock-guard.js'
import { type Config, ConfigError } from './config.js'
import { openData } from './data.js'
import type { Surroundings } from './instance.js'
import { Audit } from './store/audit.js'
import { floorRaised } from './store/ledger.js'
import { localEntry } from './store/local-entry.js'
import { instanceShared } from './store/locked-names.js'
import { Meta } from './store/meta.js'
import { Promises } from './store/promises.js'

export interface LowerOptions {
  /** The date in UTC, as the operator read it elsewhere: `2026-12-01`. */
  readonly today: string
  /** Whether every key that signed while the clock was wrong has another secret now. */
  readonly keysRotated: boolean
  readonly uid: number
}

export interface Lowered {
  /** Unix seconds. */
  readonly before: number
  readonly floor: number
}

/**
 * Lowers a floor that a wrong clock has raised: to the moment up to which messages may have been signed by now, and no
 * further. Whatever was ever accepted under a right clock is dated at most a window after now, so it stays refused.
 */
export async function lowerFloor(
  config: Config,
  around: Surroundings,
  { today, keysRotated, uid }: LowerOptions,
): Promise<Lowered> {
  const now = Math.floor(around.now() / 1000)
  requireDate(now, today)
  const { db, vault, node } = await openData(config, around, { patient: true })
  try {
    const clocks = { now: around.now, monotonic: () => performance.now(), server: () => db.serverClock() }
    const fault = await new ClockGuard(clocks).fault()
    if (fault !== undefined) throw new ConfigError([`${fault}: set it right first`])
    return await db.transaction(async (session) => {
      await session.lock(instanceShared)
      await vault.refresh(session)
      const meta = new Meta(session)
      const before = await meta.floor()
      const floor = now + Math.max(config.window, await new Promises(session).largest('window'))
      if (before <= floor) return { before, floor: before }
      const forgotten = await meta.newestForgotten()
      if (forgotten > floor && !keysRotated) throw new ConfigError([wouldRunAgain(forgotten)])
      await meta.lowerFloor(floor)
      const detail = { before, floor }
      const entry = localEntry({ command: 'floor/lower', code: localCodes.FLOOR_LOWERED.code, uid, now, detail })
      const audit = new Audit(session)
      await audit.append(node, entry, await audit.head(node), chainMacOf(vault))
      await session.tell([floorRaised])
      return { before, floor }
    })
  } finally {
    await db.close()
  }
}

/** Only a person can tell that the clock is right. */
function requireDate(now: number, today: string): void {
  const date = new Date(now * 1000).toISOString().slice(0, 10)
  if (date === today) return
  throw new ConfigError([`the clock says ${date}, not ${today}: set it right first`])
}

const wouldRunAgain = (forgotten: number): string =>
  `claims on messages dated until ${new Date(forgotten * 1000).toISOString()} were forgotten, and such a message could run a second time when that moment comes: rotate every key that signed while the clock was wrong, then add --keys-rotated`
