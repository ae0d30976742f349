import { Closed, Int, Moment, Page, Text, Type } from './types.js'

const nullable = (inner: ReturnType<typeof Type.String>) => Type.Union([inner, Type.Null()])

export const ListAudit = Closed({
  from: Type.Optional(Moment('rows at or after it')),
  to: Type.Optional(Moment('rows before it')),
  principal: Type.Optional(Text(256, 'who acted, as kind:id')),
  of_command: Type.Optional(Text(128, 'only this command')),
  result_code: Type.Optional(Int(0, 1_000_000_000, 'only this code')),
  target: Type.Optional(Text(1024, 'only what acted on this')),
  cursor: Type.Optional(
    Type.String({
      maxLength: 128,
      pattern: '^v[0-9]\\.[A-Za-z0-9+/=]+$',
      description: 'next_cursor of the page before',
    }),
  ),
  pagesize: Type.Integer({ minimum: 1, maximum: 50, default: 50, description: 'rows a page' }),
})

export const AuditRow = Closed({
  at: Type.Number({ description: 'Unix seconds, with milliseconds' }),
  principal: Type.String(),
  key_id: nullable(Type.String()),
  address: Type.String(),
  dialect: Type.String(),
  command: Type.String(),
  target: nullable(Type.String()),
  result_code: Type.Integer(),
  was_dry_run: Type.Boolean(),
  request_id: Type.String(),
  before: Type.Optional(Type.Unsafe<object>({ type: 'object' })),
  after: Type.Optional(Type.Unsafe<object>({ type: 'object' })),
})
export const ListedAudit = Closed({
  rows: Page(AuditRow, 'newest first'),
  next_cursor: Type.Union([Type.String(), Type.Null()], {
    description: 'null on the last page; a page may be short, even empty, before it',
  }),
})

export const VerifiedAudit = Closed({
  ok: Type.Boolean(),
  first_broken: Type.Union([Type.Integer(), Type.Null()], {
    description: 'number of the first row that does not hold',
  }),
  why: nullable(Type.String()),
})
