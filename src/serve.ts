import { existsSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo, ListenOptions } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { commands } from '../commands/index.js'
import { gatewayCodes } from '../schemas/codes.js'
import { publishAll } from './catalogue.js'
import { headFile } from './checkpoint.js'
import { startChores } from './chores.js'
import { instanceOn, surroundings } from './compose.js'
import { type Config, ConfigError } from './config.js'
import { initialise, openMade } from './data.js'
import { docsPage, docsPolicy } from './docs-page.js'
import { adminKeyFile, databaseFile, isForeign, isInitialised } from './folder.js'
import { httpServer } from './http.js'
import { metricsServer } from './http-metrics.js'
import { limits } from './http-parts.js'
import { metricsPage } from './metered.js'
import { openapi } from './openapi.js'
import { requireStartable } from './soundness.js'
import { requireStillCompatible } from './store/compatible.js'
import { PendingRun } from './store/handle.js'
import { Meta } from './store/meta.js'
import { watched } from './watchdog.js'

/**
 * V8 collects all of the heap when it has grown to four times what was alive; at 2.3 times the process holds 40 MB less, as fast
 * (bench: reads 1.02 times, batches the same). What lives a tenth of a second, as a batch under way does, is garbage soon after.
 */
const collectorSetting = '--heap-growing-percent=130'

/** Milliseconds that no restore raises the floor ahead of a right clock: the largest window, and a margin. */
const furthest = 90_000_000

/** What a gateway needs of the process that it runs in. */
export interface Host {
  readonly version: string
  readonly schema: string
  say(text: string): void
  /** Called before the process ends, by a signal or by what nobody expected. */
  onEnd(end: (cause: Cause) => Promise<void>): void
  /** Asked about what nobody awaited: whether the process goes on. */
  onUnhandled(goesOn: (error: unknown) => boolean): void
}

export interface Cause {
  readonly err?: unknown
  readonly signal?: string | undefined
}

/** Runs a gateway on a data folder, which is initialised when it is empty. Resolves when it listens. */
export async function serve(config: Config, { version, schema, say, onEnd, onUnhandled }: Host): Promise<void> {
  setFlagsFromString(collectorSetting)
  const around = surroundings(config.logLevel)
  const { logger } = around
  const fresh = !isInitialised(config)
  if (fresh) {
    if (isForeign(config)) {
      throw new ConfigError([
        `${config.data} is not empty and holds no Countersign data: give another folder, or run "countersign init"`,
      ])
    }
    const made = await initialise(config, 1, around)
    if (made) {
      const { cdn, api_key } = made
      say(
        `initialised ${config.data}: account ${cdn}, owner key ${api_key}, its secret is in ${adminKeyFile(config.data)}`,
      )
    } else say(`${config.data} takes part in a database that another node has made`)
  }
  if (!config.databaseUrl) requireStartable(databaseFile(config.data))
  const data = await openMade(config, around)
  const floor = await new Meta(data.db).floor()
  const metrics = config.metrics && (await metricsOf(version, schema))
  const instance = await instanceOn(
    data,
    config,
    around,
    { headFile: headFile(config.data), ...(metrics && { meter: metrics.meterOf }) },
    (own) => watched(own, config.stallLimit),
  )
  await data.db.joined()
  // A process that keeps older versions out sees those that have joined, and no others.
  await requireStillCompatible(data.db, Number(schema))
  let draining = false
  const ready = async () => !draining && (await instance.writable())
  const onUnexpected = (error: unknown) => logger.error({ err: error }, 'unexpected')
  const { server, drain } = httpServer({
    handle: instance.handle,
    charge: instance.charge,
    refuse: instance.refuse,
    load: instance.load,
    ready,
    methodsAt: instance.methodsAt,
    vendorPaths: config.vendorPaths,
    trustProxy: config.trustProxy,
    bodyLimit: instance.bodyLimit,
    onUntrustedProxy: (peer) => {
      logger.warn({ peer }, 'X-Forwarded-For from a peer that COUNTERSIGN_TRUST_PROXY does not list is not believed')
      instance
        .noteForwarder(peer)
        .catch((error: unknown) =>
          logger.error({ err: error }, 'that peer could not be noted for "countersign doctor"'),
        )
    },
    onUnexpected,
    // An operator's own commands are not told to strangers.
    openapi: () => JSON.stringify(openapi(publishAll(commands), version)),
    docs: () => ({ html: docsPage(publishAll(commands), version), policy: docsPolicy }),
  })
  const endChores = startChores(instance, logger)
  // A command module that uses its store too late has done no harm: its handle is dead. Anything else unhandled ends the process.
  onUnhandled((error) => {
    if (!(error instanceof PendingRun)) return false
    logger.error({ err: error }, 'a command module did not await its store')
    return true
  })
  let metricsListener: Server | undefined
  onEnd(async ({ err, signal }) => {
    if (err) logger.fatal({ err }, 'unexpected: the process ends')
    else say(`${signal ?? 'end'}: finishing what was accepted`)
    draining = true
    endChores()
    metricsListener?.close()
    metricsListener?.closeAllConnections()
    await drain()
    await instance.close()
  })
  await listening(server, { port: config.port, host: config.host, backlog: limits.backlog })
  const url = urlOf(server)
  if (metrics && config.metrics) {
    const page = () => metricsPage({ metrics, instance, folder: config.data, ready })
    const { contentType } = metrics
    metricsListener = metricsServer({ refuse: instance.refuse, contentType, page, onUnexpected })
    await listening(metricsListener, config.metrics)
    say(`metrics at ${urlOf(metricsListener)}/metrics`)
  }
  if (floor * 1000 >= around.now()) {
    const until = new Date((floor + 1) * 1000).toISOString()
    say(`restored, or the clock was set back: every message is answered ${gatewayCodes.OVERLOADED.code} until ${until}`)
    if (floor * 1000 > around.now() + furthest) {
      say(
        'that is too far ahead for a restore: a clock was wrong; if it is right now, see "countersign floor lower --help"',
      )
    }
  }
  say(`Countersign ${version} listening on ${url}/control`)
  if (fresh && existsSync(adminKeyFile(config.data)))
    say(`try it: npx countersign call ping --url ${url} --data ${config.data}`)
}

async function metricsOf(version: string, schema: string) {
  const { createMetrics } = await import('./metrics.js')
  return createMetrics({ version, node: process.versions.node, schema })
}

const listening = (server: Server, options: ListenOptions) =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, resolve)
  })

function urlOf(server: Server): string {
  const { port, address, family } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
