import { ListedAccounts } from '../../schemas/accounts.js'
import { Nothing } from '../../schemas/types.js'
import { command } from '../../src/command.js'

export default command({
  name: 'accounts/list',
  summary: 'List the accounts of this instance',
  permission: 'instance',
  params: Nothing,
  result: ListedAccounts,
  codes: ['ACCOUNTS_LISTED'],
  example: { params: {}, after: ['accounts/create'] },
  async run(_params, { store }) {
    return ['ACCOUNTS_LISTED', { accounts: await store.accounts.list() }]
  },
})
