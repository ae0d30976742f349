import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'

/** One turn of load where wrk is missing; arguments as load.ts gives them, one line of JSON as wrk.lua prints it. */
const [port, connections, seconds, use, file = ''] = process.argv.slice(2)
const once = use === 'once'
const wanted = Number(seconds)

/** The bodies in a file of requests. */
function readBodies(): string[] {
  const all = readFileSync(file, 'latin1')
  const bodies: string[] = []
  for (let at = 0; at < all.length; ) {
    const end = at + 8 + Number(all.slice(at, at + 8))
    bodies.push(all.slice(all.indexOf('\r\n\r\n', at) + 4, end))
    at = end
  }
  return bodies
}

const bodies = readBodies()
// Whoever has no request to send could not be told to send none.
const clients = Math.min(Number(connections), bodies.length)
let client = 0
let started = 0
let done = 0
let succeeded = 0
let failed = 0
let firstFailure = ''
let last = 0

const before = process.cpuUsage()
const began = performance.now()
const run = autocannon(
  {
    url: `http://127.0.0.1:${port}/control`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    connections: clients,
    duration: wanted,
    timeout: 20,
    sampleInt: 20,
    setupClient(one) {
      const mine = bodies.filter((_, index) => index % clients === client)
      client++
      one.setRequests(mine.map((body) => ({ body })))
      // Its requests begin again otherwise, and a write that comes twice is answered from its outcome.
      if (once) Object.assign(one, { responseMax: mine.length })
    },
    verifyBody(body) {
      const reply = String(body)
      last = performance.now()
      if (reply.includes('"status":"success"')) {
        succeeded++
        if (last - started <= wanted * 1000) done++
      } else {
        failed++
        firstFailure ||= reply.slice(0, 500)
      }
      return true
    },
  },
  tell,
)
run.on('start', () => {
  started = performance.now()
})

function tell(error: unknown, { latency, errors }: autocannon.Result): void {
  if (error) throw error
  const { user, system } = process.cpuUsage(before)
  const ranOut = once && succeeded + failed === bodies.length
  const report = {
    done,
    succeeded,
    failed,
    firstFailure,
    // It breaks off: each connection may have one under way.
    sent: ranOut ? bodies.length : succeeded + failed + clients,
    broken: errors,
    ranOut,
    seconds: ranOut ? (last - started) / 1000 : wanted,
    p50: latency.p50,
    p99: latency.p99,
    busy: (user + system) / 1000 / (performance.now() - began),
  }
  process.stdout.write(`REPORT ${JSON.stringify(report)}\n`)
}
