/**
 * Every setting of the gateway: its environment variable (after `COUNTERSIGN_`), its default as it would be typed, and
 * what it means. `src/config.ts` reads values by `kind`.
 */
export const settings = {
  data: {
    env: 'DATA',
    kind: 'path',
    default: './data',
    about: 'folder of the database, the master key and the admin key',
  },
  host: { env: 'HOST', kind: 'host', default: '127.0.0.1', about: 'address to listen on' },
  port: { env: 'PORT', kind: 'integer', min: 0, max: 65535, default: '8420', about: 'port to listen on; 0 picks one' },
  databaseUrl: {
    env: 'DATABASE_URL',
    kind: 'text',
    default: '',
    about:
      'postgres://USER:PASSWORD@HOST:PORT/DATABASE, shared by any number of gateways; empty: SQLite in the data folder',
  },
  walSize: {
    env: 'WAL_SIZE',
    kind: 'integer',
    min: 1,
    max: 1_024,
    default: '256',
    about:
      'MiB of the log countersign.db-wal at which it is written back into the database: more is faster with millions of rows, less takes less of the disk',
  },
  masterKey: {
    env: 'MASTER_KEY',
    kind: 'text',
    default: '',
    about: 'the master key itself: 32 bytes in base64 or hex',
  },
  masterKeyFile: {
    env: 'MASTER_KEY_FILE',
    kind: 'text',
    default: '',
    about: 'file of the master key; empty: DATA/master.key',
  },
  dialects: {
    env: 'DIALECTS',
    kind: 'list',
    default: 'native,scaleengine,uplynk',
    about: 'ways of spelling a request that are served',
  },
  vendorPaths: {
    env: 'VENDOR_PATHS',
    kind: 'switch',
    default: 'off',
    about:
      'on: the endpoint is served at /stable/, /dev/ and /api2/<command>, too, for clients that cannot be given a path',
  },
  defaultAccount: {
    env: 'DEFAULT_ACCOUNT',
    kind: 'integer',
    min: 1,
    max: 9_007_199_254_740_991,
    default: '1',
    about: 'account of a bare login or _owner; those of every other account are written CDN/NAME',
  },
  audience: {
    env: 'AUDIENCE',
    kind: 'text',
    default: '',
    about: 'name of this instance, for messages that name their audience',
  },
  requireAudience: {
    env: 'REQUIRE_AUDIENCE',
    kind: 'switch',
    default: 'off',
    about: 'refuse messages that name no audience; needs COUNTERSIGN_AUDIENCE',
  },
  publicUrl: {
    env: 'PUBLIC_URL',
    kind: 'url',
    default: '',
    about:
      'how clients reach the gateway, such as https://control.example.org: for links in replies of the dialect ibm, and the pages that may send to it',
  },
  window: {
    env: 'WINDOW',
    kind: 'integer',
    min: 1,
    max: 86_400,
    default: '300',
    about: 'seconds a timestamp may be off',
  },
  keep: {
    env: 'KEEP',
    kind: 'integer',
    min: 60,
    max: 31_536_000,
    default: '86400',
    about: 'seconds outcomes are kept, never less than the window',
  },
  bodyLimit: {
    env: 'BODY_LIMIT',
    kind: 'integer',
    min: 1024,
    max: 16_777_216,
    default: '262144',
    about: 'bytes of a request body',
  },
  limitFailures: {
    env: 'LIMIT_FAILURES',
    kind: 'integer',
    min: 1,
    max: 1_000_000_000,
    default: '1000',
    about: '1401 answers per address and minute',
  },
  limitKey: {
    env: 'LIMIT_KEY',
    kind: 'integer',
    min: 0,
    max: 1_000_000_000,
    default: '0',
    about: 'messages per key and second; 0 is no limit',
  },
  limitWaste: {
    env: 'LIMIT_WASTE',
    kind: 'integer',
    min: 1,
    max: 1_000_000_000,
    default: '64',
    about: 'MiB per address and minute, of messages refused before their MAC was right',
  },
  statsRepeats: {
    env: 'STATS_REPEATS',
    kind: 'integer',
    min: 120,
    max: 31_536_000,
    default: '86400',
    about: 'seconds for which samples are kept and a repeated one is recognised; older ones are refused',
  },
  statsMinutes: {
    env: 'STATS_MINUTES',
    kind: 'integer',
    min: 1,
    max: 36_500,
    default: '3',
    about: 'days for which statistics are kept by the minute; older history is not imported',
  },
  statsHours: {
    env: 'STATS_HOURS',
    kind: 'integer',
    min: 1,
    max: 36_500,
    default: '400',
    about: 'days for which statistics are kept by the hour, never less than by the minute',
  },
  statsDays: {
    env: 'STATS_DAYS',
    kind: 'integer',
    min: 1,
    max: 36_500,
    default: '3650',
    about: 'days for which statistics are kept by the day, never less than by the hour',
  },
  trustProxy: {
    env: 'TRUST_PROXY',
    kind: 'addresses',
    default: '',
    about: 'addresses and CIDR blocks whose X-Forwarded-For is believed',
  },
  stallLimit: {
    env: 'STALL_LIMIT',
    kind: 'integer',
    min: 0,
    max: 3_600,
    default: '30',
    about: 'seconds that a command of your own may keep everybody waiting before the process is ended; 0: for ever',
  },
  commands: { env: 'COMMANDS', kind: 'text', default: '', about: 'folder of your own command modules (.js, .mjs)' },
  logLevel: {
    env: 'LOG_LEVEL',
    kind: 'level',
    default: 'info',
    about: 'fatal, error, warn, info, debug, trace or silent',
  },
  metrics: {
    env: 'METRICS',
    kind: 'listen',
    default: '',
    about: 'where GET /metrics is served for Prometheus, as ADDRESS:PORT or a port of 127.0.0.1; empty: nowhere',
  },
} as const satisfies Record<string, Setting>

export interface Setting {
  readonly env: string
  readonly kind: 'path' | 'host' | 'integer' | 'text' | 'list' | 'switch' | 'url' | 'addresses' | 'level' | 'listen'
  readonly default: string
  readonly about: string
  readonly min?: number
  readonly max?: number
}

export type SettingName = keyof typeof settings
