import { settings } from '../schemas/config.js'
import type { Config } from './config.js'
import type { ForgottenMoments, LevelName } from './store/forgotten.js'
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

/** The settings that are larger than what an earlier or another process kept to, in words for the operator. `now` in Unix seconds. */
export function laterPromises(own: PromisedValues, forgotten: ForgottenMoments, now: number): string[] {
  return (Object.keys(forgotten) as LevelName[])
    .filter((name) => forgotten[name] > now - own[name])
    .map((name) => {
      const until = new Date(forgotten[name] * 1000).toISOString()
      return `COUNTERSIGN_${settingOf[name]} is ${own[name]} s here, but what is from before ${until} was forgotten under a smaller value: it is refused until that time has passed`
    })
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
