import { ListAccounts, ListedAccounts } from '../../schemas/accounts.js'
import { command } from '../../src/command.js'

export default command({
  name: 'accounts/list',
  summary: 'List the accounts of this instance',
  permission: 'instance',
  params: ListAccounts,
  result: ListedAccounts,
  codes: ['ACCOUNTS_LISTED'],
  example: { params: {}, after: ['accounts/create'] },
  async run({ page, pagesize }, { store }) {
    const { accounts, total } = await store.accounts.page(page, pagesize)
    return ['ACCOUNTS_LISTED', { accounts, paging: { page, pagesize, total } }]
  },
})
