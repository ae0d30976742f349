import { Closed, Int, Name, Type } from './types.js'

export const Cdn = Int(1, 2 ** 53 - 1, 'account number')
const name = Name(128, 'name of the account')
const enable = Type.Boolean({ description: 'false refuses every key of the account' })

export const Account = Closed({ account: Type.Integer(), name: Type.String(), enable: Type.Boolean() })

export const CreateAccount = Closed({
  account: Type.Optional(Cdn),
  name: Type.Optional(name),
  enable: Type.Optional(Type.Boolean({ default: true })),
})
export const ListedAccounts = Closed({ accounts: Type.Array(Account) })
export const UpdateAccount = Closed(
  { account: Cdn, name: Type.Optional(name), enable: Type.Optional(enable) },
  { minProperties: 2 },
)
