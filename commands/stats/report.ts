import { ReportedSamples, ReportSamples } from '../../schemas/statistics.js'
import { command, historyOf, Refusal } from '../../src/command.js'

/** Seconds that a media server's clock may be ahead. */
const ahead = 300
const mebibyte = 1024 * 1024

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
  bodyLimit: mebibyte,
  target: ({ server }) => server,
  async run({ server, samples }, context) {
    const { caller, store, now, keeps, audit } = context
    const { calendar, kept } = await historyOf(context)
    // Older history comes by the command line alone: there somebody looks after what is sent twice.
    const oldest = caller.keyId === null ? now - keeps.minutes : kept.samples
    requireKnownTimes(samples, oldest, now + ahead)
    if (!(await store.servers.find(server))) return ['SAMPLES_NOT_TAKEN']
    const given = samples.map(({ id = '', viewers, ...sample }) => ({ id, viewers, ...sample }))
    const accepted = await store.samples.take(server, given, { now, known: kept.samples, calendar })
    // Another gateway may have forgotten some meanwhile: what it forgot, and what says so, show together.
    const recent = samples.filter(({ time }) => time > kept.samples)
    requireKnownTimes(recent, (await store.forgotten.moments()).samples, now + ahead)
    const taken = { accepted, repeated: samples.length - accepted }
    audit(undefined, taken)
    return ['SAMPLES_TAKEN', taken]
  },
})

/** A sample from before the time that repeats are recognised for could be one: it would count twice. */
function requireKnownTimes(samples: readonly { readonly time: number }[], oldest: number, newest: number): void {
  const errors = samples.flatMap(({ time }, index) => {
    const path = `/samples/${index}/time`
    if (time <= oldest) return [{ path, message: `must be after ${oldest}: an older one could be counted twice` }]
    return time > newest ? [{ path, message: `must not be after ${newest}: the clock of the server is ahead` }] : []
  })
  const [first] = errors
  if (!first) return
  const message = `Nothing was taken: ${first.path} ${first.message}`
  throw new Refusal('INVALID_PARAMS', { message, errors: errors.slice(0, 100) })
}
