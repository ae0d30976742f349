import { Batch, BatchResult } from '../schemas/batch.js'
import { codes } from '../schemas/codes.js'
import { command, type Item, type Performed } from '../src/command.js'

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
  carries: ({ commands }) => commands.map(itemOf),
  weight: ({ commands }) => (Array.isArray(commands) ? Math.max(1, Math.min(most, commands.length)) : 1),
  async prepare({ commands }, { judge }) {
    return Promise.all(commands.map((one) => judge(itemOf(one))))
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

/** By hand: to take the rest of an object takes longer than to judge it. */
function itemOf(given: { readonly cmd: string; readonly [param: string]: unknown }): Item {
  const params: Record<string, unknown> = {}
  for (const name of Object.keys(given)) if (name !== 'cmd') params[name] = given[name]
  return { cmd: given.cmd, params }
}

function shown(performed: Performed) {
  const { code, status, message, result } = performed
  if (performed.done && result) return { code, status, message, result }
  const { done: _done, ...others } = performed
  return others
}

const { code, message } = codes.BATCH_NOT_DONE
const notDone = { code, status: 'failure', message }
