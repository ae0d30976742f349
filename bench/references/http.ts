import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { type Command, listen, type Outcome, readArguments, refused, Store, verified } from './parts.js'

/** Bare node:http. Writes: commands that arrive together share one durable transaction. Reads: the HMAC check and no more. */
const given = readArguments()

listen(createServer(given.mode === 'writes' ? writes(new Store(given)) : reads))

interface Waiting {
  readonly command: Command
  readonly res: ServerResponse
}

function writes(store: Store): RequestListener {
  let waiting: Waiting[] = []
  const commit = () => {
    const batch = waiting
    waiting = []
    const outcomes = store.commit(batch.map(({ command }) => command))
    for (const [index, { res }] of batch.entries()) answer(res, outcomes[index] ?? refused)
  }
  return (req, res) => {
    read(req, (body) => {
      const text = verified(body)
      if (text === undefined) return answer(res, refused)
      if (waiting.push({ command: JSON.parse(text), res }) === 1) setImmediate(commit)
    })
  }
}

function reads(...[req, res]: Parameters<RequestListener>): void {
  read(req, (body) => answer(res, verified(body) === undefined ? refused : { status: 'success' }))
}

function read(req: Parameters<RequestListener>[0], done: (body: Buffer) => void): void {
  const chunks: Buffer[] = []
  req.on('data', (chunk: Buffer) => chunks.push(chunk))
  req.on('end', () => done(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
}

function answer(res: ServerResponse, outcome: Outcome): void {
  const body = JSON.stringify(outcome)
  res.writeHead(outcome === refused ? 401 : 200, [
    'Content-Type',
    'application/json',
    'Content-Length',
    String(Buffer.byteLength(body)),
  ])
  res.end(body)
}
