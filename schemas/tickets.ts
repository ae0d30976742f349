import { Closed, Int, Name, Text, Type } from './types.js'

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

const expiry = Text(64, 'Y-m-d H:i:s in UTC, ISO 8601, or +N seconds, minutes, hours, days or weeks')

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
    ip: Type.Optional(Text(1024, 'addresses and CIDR blocks joined by |, auto (yours) or auto/24')),
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
