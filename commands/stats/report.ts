import { ReportedSamples, ReportSamples } from '../../schemas/statistics.js'
import { command, Refusal } from '../../src/command.js'

/** Seconds that a media server's clock may be ahead. */
const ahead = 300

export default command({
  name: 'stats/report',
  summary: 'Take up to 1,000 samples of the streams on a media server; a sample that comes again changes nothing',
  permission: 'stats:write',
  params: ReportSamples,
  result: ReportedSamples,
  codes: ['SAMPLES_NOT_TAKEN', 'SAMPLES_TAKEN'],
  example: {
    params: {
      server: 'edge-1',
      samples: [
        {
          time: 1795332400,
          app: 'live',
          stream: 'sports-1',
          connections: 120,
          bytes_in: 1500000,
          bytes_out: 180000000,
          viewers: ['viewer-81', 'viewer-82'],
        },
      ],
    },
    after: ['servers/set'],
  },
  target: ({ server }) => server,
  lock: false,
  async run({ server, samples }, { store, now, repeats, audit }) {
    requireKnownTimes(samples, now - repeats, now + ahead)
    if (!(await store.servers.find(server))) return ['SAMPLES_NOT_TAKEN']
    let accepted = 0
    for (const { id = '', viewers, ...sample } of samples) {
      if (await store.samples.add(server, { id, viewers, ...sample })) accepted++
    }
    const taken = { accepted, repeated: samples.length - accepted }
    audit(undefined, taken)
    return ['SAMPLES_TAKEN', taken]
  },
})

/** A sample from before the time that repeats are recognised for could be one: it would count twice. */
function requireKnownTimes(samples: readonly { readonly time: number }[], oldest: number, newest: number): void {
  const errors = samples.flatMap(({ time }, index) => {
    const path = `/samples/${index}/time`
    if (time <= oldest) return [{ path, message: `must be after ${oldest}: repeats that old are not recognised` }]
    return time > newest ? [{ path, message: `must not be after ${newest}: the clock of the server is ahead` }] : []
  })
  const [first] = errors
  if (!first) return
  const message = `Nothing was taken: ${first.path} ${first.message}`
  throw new Refusal('INVALID_PARAMS', { message, errors: errors.slice(0, 100) })
}
