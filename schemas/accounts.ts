import { Closed, Int, Name, Page, Paging, pages, Type } from './types.js'

/** Beyond it adding 1 is not exact for long. Earlier versions made accounts up to 2^53 - 1, which go on working. */
export const mostAccount = 999_999_999_999_999

export const Cdn = Int(1, 2 ** 53 - 1, 'account number')
const name = Name(128, 'name of the account')
const enable = Type.Boolean({ description: 'false refuses every key of the account' })

const timeZone = Type.String({
  pattern: '^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$',
  maxLength: 64,
  description: 'where its days begin, for statistics: a name such as Europe/Berlin; UTC unless given',
})

export const Account = Closed({
  account: Type.Integer(),
  name: Type.String(),
  enable: Type.Boolean(),
  time_zone: Type.String(),
})

export const CreateAccount = Closed({
  account: Type.Optional(Int(1, mostAccount, 'account number')),
  name: Type.Optional(name),
  enable: Type.Optional(Type.Boolean({ default: true })),
  time_zone: Type.Optional(timeZone),
})
export const ListAccounts = Closed(pages)
export const ListedAccounts = Closed({ accounts: Page(Account), paging: Paging })
export const UpdateAccount = Closed(
  {
    account: Cdn,
    name: Type.Optional(name),
    enable: Type.Optional(enable),
    time_zone: Type.Optional(timeZone),
  },
  { minProperties: 2 },
)
