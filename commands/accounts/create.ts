import { Account, CreateAccount, mostAccount } from '../../schemas/accounts.js'
import { command, invalid, requireZone } from '../../src/command.js'

export default command({
  name: 'accounts/create',
  summary: 'Create an account with its owner; without a number, the next free one',
  permission: 'instance',
  params: CreateAccount,
  result: Account,
  codes: ['ACCOUNT_EXISTS', 'ACCOUNT_CREATED'],
  example: { params: { account: 158, name: 'Example Broadcasting' } },
  target: ({ account }) => account,
  async run({ account: wanted, name, enable = true, time_zone = 'UTC' }, { store, now, id, audit }) {
    requireZone(time_zone)
    const account = wanted ?? (await store.accounts.highest(mostAccount)) + 1
    if (account > mostAccount)
      throw invalid('/account', `must be given: there is an account ${mostAccount}, the highest`)
    const created = { account, name: name ?? `account ${account}`, enable, time_zone }
    if (!(await store.accounts.insert(created, id(), now))) return ['ACCOUNT_EXISTS']
    if (time_zone !== 'UTC') await store.accounts.update(created)
    audit(undefined, created)
    return ['ACCOUNT_CREATED', created]
  },
})
