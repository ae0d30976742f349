import { createServer } from 'node:http'
import express, { type RequestHandler } from 'express'
import { listen, readArguments, refused, Store, verified } from './parts.js'

/** Express as most people would write it. Writes: one durable transaction a command. Reads: `express.raw` and the HMAC check. */
const given = readArguments()
const app = express()
app.disable('x-powered-by')
app.post('/control', express.raw({ type: () => true }), given.mode === 'writes' ? writes(new Store(given)) : reads)
listen(createServer(app))

function writes(store: Store): RequestHandler {
  return (req, res) => {
    const text = verified(req.body)
    if (text === undefined) return void res.status(401).json(refused)
    const [outcome = refused] = store.commit([JSON.parse(text)])
    res.json(outcome)
  }
}

function reads(...[req, res]: Parameters<RequestHandler>): void {
  if (verified(req.body) === undefined) return void res.status(401).json(refused)
  res.json({ status: 'success' })
}
