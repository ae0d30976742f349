import { Closed, Int, Name, Type } from './types.js'

const key = Type.String({ minLength: 1, maxLength: 256, description: 'key of the ticket' })

/** What a player shows (vendor: sevu.request). Dates are `Y-m-d H:i:s` in UTC; never is `0000-00-00 00:00:00`. */
export const Ticket = Closed({
  key,
  app: Type.String(),
  video: Type.String(),
  ip: Type.String(),
  uses: Type.Integer(),
  active: Type.Boolean(),
  created_date: Type.String(),
  used_date: Type.String(),
  expire_date: Type.String(),
})

const expiry = Type.String({
  maxLength: 64,
  pattern: '^ *([+] ?[0-9]{1,9} ?[A-Za-z]+|[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9:.]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?) *$',
  description: 'Y-m-d H:i:s in UTC, ISO 8601, or +N seconds, minutes, hours, days or weeks',
})

export const RequestTicket = Closed(
  {
    pass: Type.Optional(
      Type.Union(
        [
          Type.String({ maxLength: 64, pattern: '^[A-Za-z0-9_-]*$', description: 'what the key begins with' }),
          Type.Null(),
        ],
        { description: 'what the key begins with' },
      ),
    ),
    ip: Type.Optional(
      Type.String({
        maxLength: 1024,
        pattern: '^(auto|[0-9A-Fa-f.:/| ])+$',
        description: 'addresses and CIDR blocks joined by |, auto (yours) or auto/24',
      }),
    ),
    video: Name(1024, 'videos joined by |, or *'),
    app: Name(1024, 'applications joined by |, or *'),
    uses: Type.Optional(Int(0, 1_000_000_000, 'how often it may be used; 0 is unlimited')),
    expire: Type.Optional(expiry),
    expires: Type.Optional(expiry),
  },
  { not: { required: ['expire', 'expires'] } },
)
export const RequestedTicket = Closed({ ticket: Ticket })
export const TicketRef = Closed({ key })
