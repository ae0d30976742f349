// A job of the tests: driver.mjs URL KEY_FILE < calls. Each line is a call as JSON; each answer is a line of JSON.
import { createInterface } from 'node:readline'
// As programs outside this tree get it: compiled by itself.
import { Client, CountersignError } from '../../../clients/typescript/dist/index.js'

const [url, keyFile] = process.argv.slice(2)
const clients = new Map()

// Certificates come from NODE_EXTRA_CA_CERTS.
function clientFor({ timeout, longest_wait, ca_file: _, ...options }) {
  const name = JSON.stringify([timeout, longest_wait, options])
  const milliseconds = {
    ...(timeout !== undefined && { timeout: timeout * 1000 }),
    ...(longest_wait !== undefined && { longestWait: longest_wait * 1000 }),
  }
  if (!clients.has(name)) clients.set(name, Client.fromKeyFile(url, keyFile, { ...options, ...milliseconds }))
  return clients.get(name)
}

function made({ options = {}, cmd, helper, params, idempotency_key: idempotencyKey, dry_run: dryRun }) {
  const client = clientFor(options)
  const how = { ...(idempotencyKey !== undefined && { idempotencyKey }), ...(dryRun !== undefined && { dryRun }) }
  if (cmd !== undefined) return client.call(cmd, params, how)
  return client[helper.replaceAll(/[^a-z0-9]+([a-z0-9])/g, (_, letter) => letter.toUpperCase())](params, how)
}

async function answered(call) {
  try {
    const { code, replayed, dryRun, result } = await made(call)
    return { code, replayed, dry_run: dryRun, result }
  } catch (error) {
    if (error instanceof TypeError) return { error: 'usage', text: error.message }
    if (!(error instanceof CountersignError)) throw error
    const { name, message, code = null, errors, requestId = null, authentic, attempts } = error
    const more = { outcome_unknown: error.outcomeUnknown, idempotency_key: error.idempotencyKey, request_id: requestId }
    return { error: name, text: message, code, errors, authentic, attempts, ...more }
  }
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(await answered(JSON.parse(line)))}\n`)
