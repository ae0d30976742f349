import { Account, UpdateAccount } from '../../schemas/accounts.js'
import { command, invalid } from '../../src/command.js'

export default command({
  name: 'accounts/update',
  summary: 'Rename an account, or turn it off and on with every key it has',
  permission: 'instance',
  params: UpdateAccount,
  result: Account,
  codes: ['ACCOUNT_NOT_UPDATED', 'ACCOUNT_UPDATED'],
  example: { params: { account: 158, enable: false }, after: ['accounts/create'] },
  target: ({ account }) => account,
  async run({ account, name, enable }, { caller, store, audit }) {
    if (account === caller.account && enable === false && caller.keyId !== null) {
      throw invalid('/enable', 'would lock out the key that asks for it')
    }
    const before = await store.accounts.find(account)
    if (!before) return ['ACCOUNT_NOT_UPDATED']
    const after = { account, name: name ?? before.name, enable: enable ?? before.enable }
    await store.accounts.update(after)
    audit(before, after)
    return ['ACCOUNT_UPDATED', after]
  },
})
