import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../../commands/index.js'
import { holdsOf } from '../support/write-holds.js'

test('no write to the largest state holds the event loop for longer than 50 times a ping', async (t) => {
  const names = commands.filter((command) => !command.reads).map(({ name }) => name)
  const { most, holds } = await holdsOf(t, { names, rows: 3_000, streams: 200 })
  const long = holds.filter(({ longest }) => longest >= most)
  assert.deepEqual(long, [], `each at most ${most} ms`)
})
