// Writes clients/vectors.json, the cases that every client and the server run; --check only says whether it is fresh.
import { createHmac } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { refusals } from './vectors/refusals.mjs'
import { replies } from './vectors/replies.mjs'
import { keys, requests, timestamp, values } from './vectors/requests.mjs'

const file = join(import.meta.dirname, '..', 'clients/vectors.json')
const digest = (secret, text, encoding) => createHmac('sha256', secret).update(text).digest(encoding)
const secretOf = (name) => keys.find(({ api_key }) => api_key === name)?.secret ?? name
const signers = { secretOf, digest }

const vectors = {
  generated: 'by scripts/vectors.mjs; do not edit',
  about:
    'Cases for clients and servers of the Countersign protocol. Texts are to be taken as UTF-8. A request or refusal names the text that its signature is over (`signed`) and the body as it is sent; `genuine` says whether the signature is the canonical base64 of the right MAC, whatever the server makes of the rest. A server whose clock says `timestamp`, in Unix seconds, and which knows `keys`, answers each with `code`.',
  timestamp,
  keys,
  requests: requests(signers),
  values,
  replies: replies(signers),
  refusals: refusals(signers),
}

const text = `${JSON.stringify(vectors, null, 1)}\n`
if (!process.argv.includes('--check')) writeFileSync(file, text)
else if (readFileSync(file, 'utf8') !== text) {
  process.stderr.write('clients/vectors.json is stale: run "node scripts/vectors.mjs" and commit it\n')
  process.exitCode = 1
}
