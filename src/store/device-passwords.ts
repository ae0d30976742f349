import type { Queries } from './db.js'

/** A device's login, without its password. Moments are Unix seconds; null is never. */
export interface DevicePassword {
  readonly device_name: string
  readonly user_name: string
  readonly created_at: number
  readonly valid_from: number
  readonly valid_until: number | null
}

const columns = 'device_name, user_name, created_at, valid_from, valid_until'

/** Device passwords of one account. */
export class DevicePasswords {
  constructor(
    private readonly queries: Queries,
    private readonly account: number,
  ) {}

  /** In the order of their making. */
  async list(page: number, pagesize: number): Promise<{ devices: DevicePassword[]; total: number }> {
    const devices = await this.queries.all<DevicePassword>(
      `select ${columns} from device_passwords where account = $1 order by position limit $2 offset $3`,
      [this.account, pagesize, (page - 1) * pagesize],
    )
    return { devices, total: await this.count() }
  }

  async count(): Promise<number> {
    const row = await this.queries.get<{ total: number }>(
      'select count(*) as total from device_passwords where account = $1',
      [this.account],
    )
    return row?.total ?? 0
  }

  /** `hash` is the password's. */
  async insert(device: DevicePassword, hash: string): Promise<void> {
    const counter = await this.queries.get<{ value: number }>(
      `insert into counters (account, name, value) values ($1, 'device', 1)
       on conflict (account, name) do update set value = counters.value + 1 returning value`,
      [this.account],
    )
    await this.queries.run(
      `insert into device_passwords (user_name, account, position, device_name, password, created_at, valid_from, valid_until)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        device.user_name,
        this.account,
        counter?.value ?? 1,
        device.device_name,
        hash,
        device.created_at,
        device.valid_from,
        device.valid_until,
      ],
    )
  }

  /** The login with the hash of its password. */
  async find(userName: string): Promise<(DevicePassword & { readonly hash: string }) | undefined> {
    return this.queries.get(
      `select ${columns}, password as hash from device_passwords where account = $1 and user_name = $2`,
      [this.account, userName],
    )
  }

  /** What was removed; undefined when there was none. */
  async remove(userName: string): Promise<DevicePassword | undefined> {
    return this.queries.get<DevicePassword>(
      `delete from device_passwords where account = $1 and user_name = $2 returning ${columns}`,
      [this.account, userName],
    )
  }
}
