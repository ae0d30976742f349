import { settings } from '../schemas/config.js'
import type { Config } from './config.js'
import type { Promised, PromisedValues } from './store/promises.js'

const day = 86_400

/** What a configuration promises, in seconds. */
export const promisesOf = (
  config: Pick<Config, 'keep' | 'window' | 'statsRepeats' | 'statsMinutes' | 'statsHours' | 'statsDays'>,
): PromisedValues => ({
  keep: config.keep,
  window: config.window,
  samples: config.statsRepeats,
  minutes: config.statsMinutes * day,
  hours: config.statsHours * day,
  days: config.statsDays * day,
})

const settingOf: Readonly<Record<Promised, string>> = {
  keep: settings.keep.env,
  window: settings.window.env,
  samples: settings.statsRepeats.env,
  minutes: settings.statsMinutes.env,
  hours: settings.statsHours.env,
  days: settings.statsDays.env,
}

/** The settings that are smaller than what is in force, in words for the operator. */
export function shorterPromises(own: PromisedValues, inForce: PromisedValues): string[] {
  const names = Object.keys(settingOf) as Promised[]
  return names
    .filter((name) => own[name] < inForce[name])
    .map((name) => {
      const longer = `another process on this database, or an earlier one, has promised ${inForce[name]} s`
      return `COUNTERSIGN_${settingOf[name]} is ${own[name]} s here, but ${longer}: that holds until it has run out`
    })
}
