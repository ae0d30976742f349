import { Batch, BatchResult } from '../schemas/batch.js'
import { codes } from '../schemas/codes.js'
import { command, type Performed } from '../src/command.js'

const most = 100

export default command({
  name: 'batch',
  summary: 'Run up to 100 commands under one signature: all or nothing, or each for itself',
  permission: null,
  params: Batch,
  result: BatchResult,
  codes: ['BATCH_NOT_DONE', 'BATCH_DONE'],
  example: {
    params: {
      commands: [
        { cmd: 'set-user', id: 'bob', user: { type: 3 } },
        { cmd: 'toggle-user', id: 'alice' },
      ],
    },
    after: ['set-user'],
  },
  carries: ({ commands }) => commands.map(({ cmd, ...params }) => ({ cmd, params })),
  weight: ({ commands }) => (Array.isArray(commands) ? Math.max(1, Math.min(most, commands.length)) : 1),
  async prepare({ commands }, { judge }) {
    return Promise.all(commands.map(({ cmd, ...params }) => judge({ cmd, params })))
  },
  async run({ atomic }, { prepared: items, perform }) {
    const performed: Performed[] = []
    for (const item of items) {
      const result = await perform(item)
      performed.push(result)
      if (atomic && !result.done) {
        return ['BATCH_NOT_DONE', { results: items.map((other) => (other === item ? shown(result) : notDone)) }]
      }
    }
    return ['BATCH_DONE', { results: performed.map(shown) }]
  },
})

const shown = ({ done: _done, ...result }: Performed) => result

const { code, message } = codes.BATCH_NOT_DONE
const notDone = { code, status: 'failure', message }
