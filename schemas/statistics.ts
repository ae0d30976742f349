import { ServerId } from './servers.js'
import { SliceId } from './slices.js'
import { Closed, Int, Moment, Name, Paging, pages, Type } from './types.js'

const app = Name(256, 'application')
const stream = Name(256, 'stream')
const most = 2 ** 43
/** Rows of one answer. */
const mostRows = 1_000

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

const group = Type.String({ description: 'id or name of what the row is of' })

const part = {
  server: Type.Optional({ ...ServerId, description: 'only this media server' }),
  slice: Type.Optional({ ...SliceId, description: 'only this data slice' }),
}

export const AskRealtime = Closed({
  ...part,
  group_by: Type.Optional(Type.Enum([...groups], { description: 'what each row is of; no rows unless given' })),
})
export const Realtime = Closed({
  from: Type.Integer({ description: 'Unix seconds; samples after it' }),
  to: Type.Integer({ description: 'Unix seconds; samples until it' }),
  totals: Closed(counts),
  rows: Type.Array(Closed({ group, ...counts }), {
    maxItems: mostRows,
    description: 'those with the most connections first, at most 1,000',
  }),
})

const figures = {
  connections: Type.Integer({ description: 'the most of each source and minute, added up' }),
  peak: Type.Union([Type.Integer(), Type.Null()], {
    description: 'the most of a minute, of all that the row is of together; null where that cannot be told',
  }),
  bytes_in: Type.Integer(),
  bytes_out: Type.Integer(),
  view_seconds: Type.Integer({ description: 'of each source and minute, 60 times the average of its connections' }),
  viewers: Type.Integer({
    description:
      'different viewers, of the samples that tell them; exact from hours and from up to 64 KiB of names a source and minute, else within 2 %',
  }),
}
const span = {
  from: Type.Integer({ description: 'Unix seconds; rounded to what rows are of' }),
  to: Type.Integer({ description: 'Unix seconds; the time ends before it' }),
  time_zone: Type.String({ description: 'where hours and days begin' }),
}

export const AskIndepth = Closed({
  from: Moment('when the time begins'),
  to: Moment('when the time ends'),
  bucket: Type.Optional(
    Type.Enum(['1m', '5m', '1h', '1d'], { description: 'how long each row is; all of the time unless given' }),
  ),
  ...part,
  group_by: Type.Optional(Type.Enum([...groups], { description: 'what each row is of; everything unless given' })),
  page: Type.Optional(pages.page),
  pagesize: Type.Optional(
    Type.Integer({ minimum: 1, maximum: mostRows, default: mostRows, description: 'rows a page' }),
  ),
})
export const Indepth = Closed({
  ...span,
  rows: Type.Array(
    Closed({
      from: Type.Integer({ description: 'when the time of the row begins' }),
      group: Type.Optional(group),
      ...figures,
    }),
    {
      maxItems: mostRows,
      description: 'in order of time, those of a time with the most connections first; none where nothing was reported',
    },
  ),
  paging: Paging,
})

const rows = (what: string) =>
  Type.Array(Closed({ group, ...figures }), {
    maxItems: mostRows,
    description: `of each ${what}, those with the most connections first, at most 1,000`,
  })

export const AskDaily = Closed({
  date: Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', description: 'the day, such as 2026-11-24' }),
})
export const Daily = Closed({
  date: Type.String(),
  ...span,
  totals: Closed(figures),
  servers: rows('server'),
  apps: rows('application'),
  streams: rows('stream'),
})
