import { ServerId } from './servers.js'
import { SliceId } from './slices.js'
import { Closed, Int, Moment, Name, Type } from './types.js'

const app = Name(256, 'application')
const stream = Name(256, 'stream')
const most = 2 ** 43

const Sample = Closed({
  id: Type.Optional(Name(128, 'tells samples of one stream at one moment apart, such as those of several workers')),
  time: Moment('when it was taken'),
  app,
  stream,
  connections: Int(0, 1_000_000_000, 'connections that were open'),
  bytes_in: Int(0, most, 'bytes received since the sample before'),
  bytes_out: Int(0, most, 'bytes sent since the sample before'),
  viewers: Type.Optional(
    Type.Array(Name(128, 'whoever watches: a name of yours, always the same for the same one'), {
      maxItems: 10_000,
      description: 'who was watching',
    }),
  ),
})

export const ReportSamples = Closed({
  server: ServerId,
  samples: Type.Array(Sample, { minItems: 1, maxItems: 1_000 }),
})
export const ReportedSamples = Closed({
  accepted: Type.Integer({ description: 'samples that are new' }),
  repeated: Type.Integer({ description: 'samples that were there already: the first one stands' }),
})

const counts = {
  connections: Type.Integer({ description: 'connections that were open: the most of each source, added up' }),
  bytes_in: Type.Integer(),
  bytes_out: Type.Integer(),
  viewers: Type.Integer({ description: 'different viewers, of the samples that tell them' }),
}

const groups = ['server', 'app', 'stream', 'slice'] as const

export const AskRealtime = Closed({
  server: Type.Optional({ ...ServerId, description: 'only this media server' }),
  slice: Type.Optional({ ...SliceId, description: 'only this data slice' }),
  group_by: Type.Optional(Type.Enum([...groups], { description: 'what each row is of; no rows unless given' })),
})
export const Realtime = Closed({
  from: Type.Integer({ description: 'Unix seconds; samples after it' }),
  to: Type.Integer({ description: 'Unix seconds; samples until it' }),
  totals: Closed(counts),
  rows: Type.Array(Closed({ group: Type.String({ description: 'id or name of what the row is of' }), ...counts }), {
    description: 'those with the most connections first, at most 1,000',
  }),
})
