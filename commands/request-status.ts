import { AskRequestStatus, RequestStatus } from '../schemas/gateway.js'
import { command } from '../src/command.js'

export default command({
  name: 'request-status',
  summary: 'Tell what became of a request of yours, or make its idempotency key void so that it can never run',
  permission: null,
  params: AskRequestStatus,
  result: RequestStatus,
  codes: ['REQUEST_STATUS'],
  example: { params: { of_idempotency_key: 'example:set-user' }, after: ['set-user'] },
  target: ({ of_idempotency_key, of_request_id }) => of_idempotency_key ?? of_request_id,
  async run({ of_idempotency_key: key, of_request_id: id, void: voids }, { requests }) {
    if (key === undefined) return ['REQUEST_STATUS', await requests.byId(id ?? '')]
    return ['REQUEST_STATUS', await (voids ? requests.void(key) : requests.byKey(key))]
  },
})
