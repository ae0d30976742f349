import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { SettingName } from '../schemas/config.js'
import { headFile } from './checkpoint.js'
import { startChores } from './chores.js'
import { instanceOn, surroundings } from './compose.js'
import { ConfigError, readOptions } from './config.js'
import { initialise, openMade } from './data.js'
import { adminKeyFile, databaseFile, isForeign, isInitialised } from './folder.js'
import { controlMiddleware } from './http-endpoint.js'
import { configOf } from './program.js'
import { requireStartable } from './soundness.js'

export { ConfigError } from './config.js'

/**
 * The settings of the README by the names of `schemas/config.ts` (`data`, `bodyLimit`, `trustProxy`, …); those not given
 * have their defaults. The environment is not read.
 */
export type GatewayOptions = {
  readonly [Name in Exclude<SettingName, 'host' | 'port' | 'metrics' | 'stallLimit'>]?: string | number | boolean
} & {
  /** Where the gateway tells its operator; by default JSON lines on stderr, from `logLevel` on. */
  readonly logger?: Logger
}

/** A gateway inside somebody else's program. */
export interface Gateway {
  /**
   * For `app.use(gateway.middleware)` of Express or Connect: answers `/control` (and what the settings add to it), and
   * passes on everything else. It reads the body itself, so it stands before whatever parses bodies.
   */
  readonly middleware: Middleware
  /** The file with the key that the first start made. */
  readonly adminKeyFile: string
  /** Whether a write would succeed now. */
  ready(): Promise<boolean>
  /** Ends after what was accepted was answered. Stop taking requests first. */
  close(): Promise<void>
}

export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void

/**
 * Opens a gateway on a data folder, which is initialised when it is empty. Rejects with a {@link ConfigError} that has
 * every fault of the options, or when the storage cannot be opened.
 */
export async function openGateway({ logger: given, ...options }: GatewayOptions = {}): Promise<Gateway> {
  const config = configOf(readOptions(options))
  const own = surroundings(config.logLevel)
  const around = given ? { ...own, logger: given } : own
  const { logger } = around
  if (!isInitialised(config)) {
    if (isForeign(config)) {
      throw new ConfigError([`data: ${config.data} is not empty and holds no Countersign data: give another folder`])
    }
    await initialise(config, 1, around)
  }
  if (!config.databaseUrl) requireStartable(databaseFile(config.data))
  const data = await openMade(config, around)
  const instance = await instanceOn(data, config, around, { headFile: headFile(config.data) })
  const endChores = startChores(instance, logger)
  return {
    middleware: controlMiddleware({
      handle: instance.handle,
      charge: instance.charge,
      refuse: instance.refuse,
      load: instance.load,
      methodsAt: instance.methodsAt,
      vendorPaths: config.vendorPaths,
      trustProxy: config.trustProxy,
      bodyLimit: instance.bodyLimit,
      onUntrustedProxy: (peer) =>
        logger.warn({ peer }, 'X-Forwarded-For from a peer that trustProxy does not list is not believed'),
      onUnexpected: (error) => logger.error({ err: error }, 'unexpected'),
    }),
    adminKeyFile: adminKeyFile(config.data),
    ready: () => instance.writable(),
    close() {
      endChores()
      return instance.close()
    },
  }
}
