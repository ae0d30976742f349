import type { Queries } from './db.js'

/** A playback ticket. Moments are Unix seconds; 0 is never. */
export interface Ticket {
  readonly ticket: string
  readonly app: string
  readonly video: string
  readonly ip: string
  readonly uses: number
  readonly used: number
  readonly active: boolean
  readonly created_at: number
  readonly used_at: number
  readonly expire_at: number
}

/** Tickets of one account. */
export class Tickets {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  /** False when the key is taken. */
  async insert(ticket: Ticket): Promise<boolean> {
    const inserted = await this.queries.run(
      `insert into tickets (account, ticket, app, video, ip, uses, used, active, created_at, used_at, expire_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing`,
      [
        this.account,
        ticket.ticket,
        ticket.app,
        ticket.video,
        ticket.ip,
        ticket.uses,
        ticket.used,
        ticket.active ? 1 : 0,
        ticket.created_at,
        ticket.used_at,
        ticket.expire_at,
      ],
    )
    return inserted === 1
  }

  async find(key: string): Promise<Ticket | undefined> {
    const row = await this.queries.get<Omit<Ticket, 'active'> & { active: number }>(
      'select ticket, app, video, ip, uses, used, active, created_at, used_at, expire_at from tickets where account = $1 and ticket = $2',
      [this.account, key],
    )
    return row && { ...row, active: row.active === 1 }
  }

  /** True when there was an active one to revoke. */
  async revoke(key: string): Promise<boolean> {
    const revoked = await this.queries.run(
      'update tickets set active = 0 where account = $1 and ticket = $2 and active = 1',
      [this.account, key],
    )
    return revoked === 1
  }
}
