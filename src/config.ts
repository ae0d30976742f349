import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { type Setting, type SettingName, settings } from '../schemas/config.js'
import { type AddressList, addressList } from './address.js'
import { closest } from './closest.js'

/** Everything the gateway can be told, checked; frozen. Durations are in seconds, sizes in bytes. */
export interface Config {
  readonly data: string
  readonly host: string
  readonly port: number
  readonly databaseUrl: string
  /** In MiB. */
  readonly walSize: number
  readonly masterKey: string
  readonly masterKeyFile: string
  readonly dialects: readonly string[]
  readonly vendorPaths: boolean
  readonly defaultAccount: number
  readonly audience: string
  readonly requireAudience: boolean
  readonly publicUrl: string
  readonly window: number
  readonly keep: number
  readonly bodyLimit: number
  readonly limitFailures: number
  readonly limitKey: number
  /** In MiB. */
  readonly limitWaste: number
  readonly statsRepeats: number
  /** In days. */
  readonly statsMinutes: number
  readonly statsHours: number
  readonly statsDays: number
  readonly stallLimit: number
  readonly trustProxy: AddressList
  readonly commands: string
  readonly logLevel: string
  readonly metrics: Listen | undefined
}

/** Where to listen. */
export interface Listen {
  readonly host: string
  readonly port: number
}

/** Raw settings as typed, and where each came from, so that a fault can name it. */
export interface RawConfig {
  readonly values: ReadonlyMap<SettingName, { readonly text: string; readonly from: string }>
  readonly faults: readonly string[]
}

/** Every fault of a configuration at once; the program ends with 78. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(faults.join('\n'))
  }
}

const prefix = 'COUNTERSIGN_'
const entries = Object.entries as (o: typeof settings) => [SettingName, Setting][]

/** Collects flags (by setting name) and `COUNTERSIGN_*` variables; an unknown variable is a fault. */
export function readEnv(env: NodeJS.ProcessEnv, flags: Readonly<Record<string, string | undefined>> = {}): RawConfig {
  const values = new Map<SettingName, { text: string; from: string }>()
  const known = new Set<string>()
  for (const [name, setting] of entries(settings)) {
    const variable = prefix + setting.env
    known.add(variable)
    const typed = env[variable]
    const flag = flags[name]
    if (flag !== undefined) values.set(name, { text: flag, from: `--${kebab(name)}` })
    else if (typed !== undefined && typed !== '') values.set(name, { text: typed, from: variable })
    else values.set(name, { text: setting.default, from: variable })
  }
  const faults = Object.keys(env)
    .filter((variable) => variable.startsWith(prefix) && !known.has(variable))
    .map((variable) => `${variable} is not a setting of Countersign${nearest(variable, known)}`)
  return { values, faults }
}

/** Settings that a program gives by their names; `true` and `false` are on and off. A name that is no setting is a fault. */
export function readOptions(options: Readonly<Record<string, string | number | boolean | undefined>>): RawConfig {
  const values = new Map<SettingName, { text: string; from: string }>()
  for (const [name, setting] of entries(settings)) {
    const given = Object.hasOwn(options, name) ? options[name] : undefined
    const text = typeof given === 'boolean' ? (given ? 'on' : 'off') : String(given ?? setting.default)
    values.set(name, { text, from: name })
  }
  const faults = Object.keys(options)
    .filter((name) => !Object.hasOwn(settings, name))
    .map((name) => `${name} is not a setting of Countersign`)
  return { values, faults }
}

/** Checks raw settings; throws {@link ConfigError} with every fault found. `linking`: the dialects whose replies link to the gateway. */
export function toConfig(raw: RawConfig, dialectNames: readonly string[], linking: readonly string[] = []): Config {
  const faults = [...raw.faults]
  const read = <T>(name: SettingName, parse: (text: string, setting: Setting) => T): T | undefined => {
    const { text, from } = raw.values.get(name) ?? { text: '', from: name }
    try {
      return parse(text, settings[name])
    } catch (error) {
      faults.push(`${from}: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  }
  const text = (name: SettingName) => read(name, (value) => value) ?? ''
  const number = (name: SettingName) => read(name, integer) ?? 0
  const flag = (name: SettingName) => read(name, onOff) ?? false
  const config: Config = {
    data: resolve(text('data')),
    host: read('host', host) ?? '',
    port: number('port'),
    databaseUrl: read('databaseUrl', databaseUrl) ?? '',
    walSize: number('walSize'),
    masterKey: text('masterKey'),
    masterKeyFile: text('masterKeyFile'),
    dialects: read('dialects', (value) => names(value, dialectNames)) ?? [],
    vendorPaths: flag('vendorPaths'),
    defaultAccount: number('defaultAccount'),
    audience: text('audience'),
    requireAudience: flag('requireAudience'),
    publicUrl: read('publicUrl', url) ?? '',
    window: number('window'),
    keep: number('keep'),
    bodyLimit: number('bodyLimit'),
    limitFailures: number('limitFailures'),
    limitKey: number('limitKey'),
    limitWaste: number('limitWaste'),
    statsRepeats: number('statsRepeats'),
    statsMinutes: number('statsMinutes'),
    statsHours: number('statsHours'),
    statsDays: number('statsDays'),
    stallLimit: number('stallLimit'),
    trustProxy: read('trustProxy', (value) => addressList(split(value))) ?? addressList([]),
    commands: text('commands') && resolve(text('commands')),
    logLevel: read('logLevel', level) ?? 'info',
    metrics: read('metrics', listen),
  }
  if (config.masterKey && config.masterKeyFile) {
    faults.push('COUNTERSIGN_MASTER_KEY and COUNTERSIGN_MASTER_KEY_FILE: give one of them')
  }
  if (config.requireAudience && !config.audience)
    faults.push('COUNTERSIGN_REQUIRE_AUDIENCE=on needs COUNTERSIGN_AUDIENCE')
  // 0 stands for a value that could not be read, which was told already.
  if (config.keep > 0 && config.keep < config.window)
    faults.push('COUNTERSIGN_KEEP: must not be less than COUNTERSIGN_WINDOW')
  faults.push(...retentionFaults(config))
  const unlinked = config.publicUrl ? [] : linking.filter((name) => config.dialects.includes(name))
  if (unlinked.length > 0 && raw.values.get('publicUrl')?.text === '') {
    faults.push(
      `${raw.values.get('dialects')?.from} names ${unlinked.join(', ')}, whose replies link to the gateway: set COUNTERSIGN_PUBLIC_URL to how clients reach it, such as https://control.example.org`,
    )
  }
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.freeze(config)
}

/** Whatever is rolled up must find what it is added to. */
function retentionFaults({ statsRepeats, statsMinutes, statsHours, statsDays }: Config): string[] {
  if ([statsRepeats, statsMinutes, statsHours, statsDays].includes(0)) return []
  const faults: string[] = []
  if (statsMinutes * 86_400 < statsRepeats)
    faults.push('COUNTERSIGN_STATS_MINUTES: must not be shorter than COUNTERSIGN_STATS_REPEATS')
  if (statsHours < statsMinutes) faults.push('COUNTERSIGN_STATS_HOURS: must not be less than COUNTERSIGN_STATS_MINUTES')
  if (statsDays < statsHours) faults.push('COUNTERSIGN_STATS_DAYS: must not be less than COUNTERSIGN_STATS_HOURS')
  return faults
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

const split = (value: string) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

function integer(value: string, { min = 0, max = Number.MAX_SAFE_INTEGER }: Setting): number {
  const number = /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN
  if (number >= min && number <= max) return number
  throw new Error(`expected a whole number from ${min} to ${max}, not "${value}"`)
}

function onOff(value: string): boolean {
  if (value === 'on' || value === 'off') return value === 'on'
  throw new Error(`expected on or off, not "${value}"`)
}

function host(value: string): string {
  if (isIP(value) || /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(value)) return value
  throw new Error(`expected an address or a host name, not "${value}"`)
}

function listen(value: string): Listen | undefined {
  if (value === '') return undefined
  const [, name, port = ''] = /^(?:(.+):)?([0-9]{1,5})$/.exec(value) ?? []
  const given = name?.replace(/^\[(.*)\]$/, '$1') ?? '127.0.0.1'
  const bare = name !== undefined && name === given && given.includes(':')
  if (port === '' || bare || Number(port) > 65_535) {
    throw new Error(`expected an address and a port, such as 127.0.0.1:9464 or [::1]:9464, not "${value}"`)
  }
  return { host: host(given), port: Number(port) }
}

function names(value: string, known: readonly string[]): string[] {
  const given = split(value)
  const unknown = given.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new Error(`unknown dialect ${unknown.join(', ')}; there are ${known.join(', ')}`)
  if (given.length === 0) throw new Error(`name at least one dialect of ${known.join(', ')}`)
  return given
}

function url(value: string): string {
  if (value === '') return ''
  const parsed = URL.canParse(value) ? new URL(value) : undefined
  if (parsed?.protocol === 'https:' || parsed?.protocol === 'http:') {
    const { search, hash, username, password } = parsed
    if (search || hash || username || password) throw new Error('expected a URL without credentials, query or fragment')
    return parsed.href.replace(/\/$/, '')
  }
  throw new Error(`expected an http or https URL, not "${value}"`)
}

function databaseUrl(value: string): string {
  if (value === '') return ''
  // What was typed may hold a password: it is not said again.
  const parsed = URL.canParse(value) ? new URL(value) : undefined
  const postgres = parsed?.protocol === 'postgres:' || parsed?.protocol === 'postgresql:'
  if (postgres && parsed.pathname.length > 1) return value
  throw new Error('expected postgres://USER:PASSWORD@HOST:PORT/DATABASE, or nothing for SQLite in the data folder')
}

function level(value: string): string {
  if (['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].includes(value)) return value
  throw new Error(`expected fatal, error, warn, info, debug, trace or silent, not "${value}"`)
}

/** `; did you mean …?` for the closest of the known variables, or nothing when none is close. */
function nearest(typed: string, known: ReadonlySet<string>): string {
  // Without the prefix, which all of them share: with it everything would be close to everything.
  const own = (variable: string) => variable.slice(prefix.length)
  const close = closest(own(typed).toUpperCase(), [...known].map(own))
  return close ? `; did you mean ${prefix}${close}?` : ''
}
