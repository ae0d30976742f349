import { createServer, type Server } from 'node:http'

export interface MetricsPage {
  readonly contentType: string
  page(): Promise<string>
  readonly onUnexpected: (error: unknown) => void
}

/** Serves `GET /metrics` and nothing else: on an address of its own, since it asks nobody who they are. */
export function metricsServer({ contentType, page, onUnexpected }: MetricsPage): Server {
  return createServer((req, res) => {
    const [path] = (req.url ?? '').split('?')
    if (path !== '/metrics') return void res.writeHead(404).end('Metrics are at /metrics\n')
    if (req.method !== 'GET' && req.method !== 'HEAD') return void res.writeHead(405, { Allow: 'GET, HEAD' }).end()
    page().then(
      (text) => res.writeHead(200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' }).end(text),
      (error: unknown) => {
        onUnexpected(error)
        res.writeHead(500).end('The metrics could not be read: the log of the gateway says why\n')
      },
    )
  })
}
