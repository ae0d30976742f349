import express from 'express'
import type { HttpParts } from './http-parts.js'
import { answerOrCut, refuseAndClose } from './http-replies.js'

/** What is served beside the endpoint: health, the description of the API and the page of its commands. */
export function application(parts: HttpParts): express.Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.get('/healthz', (_req, res) => void res.set('Cache-Control', 'no-store').json({ status: 'ok' }))
  app.get('/readyz', async (_req, res) => {
    const ready = await parts.ready()
    // Broken HTTP behind the request has been answered meanwhile, and that answer was the last.
    if (res.headersSent) return
    res
      .status(ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ status: ready ? 'ready' : 'not ready' })
  })
  let description: Buffer | undefined
  app.get('/openapi.json', (_req, res) => {
    // One buffer for all: whoever asks and does not read holds no copy.
    description ??= Buffer.from(parts.openapi())
    res.set({ 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' }).type('json').send(description)
  })
  const { docs } = parts
  let shown: { readonly html: Buffer; readonly policy: string } | undefined
  if (docs) {
    app.get('/docs', (_req, res) => {
      if (!shown) {
        const { html, policy } = docs()
        shown = { html: Buffer.from(html), policy }
      }
      const headers = { 'Content-Security-Policy': shown.policy, 'Referrer-Policy': 'no-referrer' }
      res.set({ ...headers, 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' })
      res.type('html').send(shown.html)
    })
  }
  app.use((req, res) => {
    const detail = { message: 'Nothing is served here: POST signed commands to /control' }
    refuseAndClose(req, res, parts.refuse('UNKNOWN_COMMAND', detail), false)
  })
  app.use((error: unknown, req: express.Request, res: express.Response, _next: express.NextFunction) => {
    const client = error instanceof Error && 'status' in error && Number(error.status) < 500
    if (!client) parts.onUnexpected(error)
    answerOrCut(req, res, () => parts.refuse(client ? 'MALFORMED' : 'INTERNAL'))
  })
  return app
}
