import { Account, UpdateAccount } from '../../schemas/accounts.js'
import { command, invalid, requireZone } from '../../src/command.js'

export default command({
  name: 'accounts/update',
  summary: 'Rename an account, set its time zone, or turn it off and on with every key it has',
  permission: 'instance',
  params: UpdateAccount,
  result: Account,
  codes: ['ACCOUNT_NOT_UPDATED', 'ACCOUNT_UPDATED'],
  example: { params: { account: 158, enable: false }, after: ['accounts/create'] },
  target: ({ account }) => account,
  changesRights: ({ account }) => ({ account }),
  async run({ account, name, enable, time_zone }, { caller, store, audit }) {
    if (account === caller.account && enable === false && caller.keyId !== null) {
      throw invalid('/enable', 'would lock out the key that asks for it')
    }
    if (time_zone !== undefined) requireZone(time_zone)
    const before = await store.accounts.find(account)
    if (!before) return ['ACCOUNT_NOT_UPDATED']
    const after = {
      account,
      name: name ?? before.name,
      enable: enable ?? before.enable,
      time_zone: time_zone ?? before.time_zone,
    }
    await store.accounts.update(after)
    audit(before, after)
    return ['ACCOUNT_UPDATED', after]
  },
})
