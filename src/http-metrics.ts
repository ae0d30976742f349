import type { Server, ServerResponse } from 'node:http'
import { Front } from './http-front.js'
import { pathOf, type Refuses } from './http-parts.js'
import { closeUnread, isWhole, sendBytes } from './http-replies.js'
import { guardedServer } from './http-server.js'

export interface MetricsPage extends Refuses {
  readonly contentType: string
  page(): Promise<string>
  readonly onUnexpected: (error: unknown) => void
}

/** Of those who may ask there are few. */
const maxConnections = 256

/** Serves `GET /metrics` and nothing else: on an address of its own, since it asks nobody who they are. */
export function metricsServer({ refuse, contentType, page, onUnexpected }: MetricsPage): Server {
  const parts = { refuse }
  const measured = shared(async () => Buffer.from(await page()))
  const front = new Front(parts)
  const { server } = guardedServer(
    parts,
    front,
    (req, res) => {
      if (!isWhole(req)) closeUnread(req, res)
      if (pathOf(req.url ?? '') !== '/metrics') return sayText(res, 404, 'Metrics are at /metrics\n')
      if (req.method !== 'GET' && req.method !== 'HEAD') return sayText(res, 405, '', [['Allow', 'GET, HEAD']])
      measured().then(
        (text) =>
          sendBytes(
            res,
            200,
            [
              ['Content-Type', contentType],
              ['Cache-Control', 'no-store'],
            ],
            text,
          ),
        (error: unknown) => {
          onUnexpected(error)
          sayText(res, 500, 'The metrics could not be read: the log of the gateway says why\n')
        },
      )
    },
    { maxConnections },
  )
  return server
}

function sayText(res: ServerResponse, status: number, text: string, headers: [string, string][] = []): void {
  sendBytes(res, status, [['Content-Type', 'text/plain; charset=utf-8'], ...headers], Buffer.from(text))
}

/** Does the work once for all who ask while it is done. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  return () => {
    running ??= work().finally(() => {
      running = undefined
    })
    return running
  }
}
