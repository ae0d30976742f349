import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeParts, userWithAccess } from '../../support/access.js'
import { instanceFor } from '../../support/commands.js'

test('a user sees the servers and slices that it was assigned, and no others', async (t) => {
  const gateway = await instanceFor(t)
  await makeParts(gateway)
  const alice = await userWithAccess(gateway, 'alice', { type: 3 })
  const ids = async (noun: 'servers' | 'slices') => {
    const { code, result } = await gateway.run(`${noun}/list`, {}, alice)
    return code === 1403 ? 1403 : result[noun].map(({ id }: { id: string }) => id)
  }
  assert.deepEqual([await ids('servers'), await ids('slices')], [1403, 1403])
  await gateway.run('slices/assign', { user: 'alice', slices: ['sports'], servers: ['edge-2'] })
  assert.deepEqual([await ids('servers'), await ids('slices')], [['edge-2'], ['sports']])
  await gateway.run('slices/assign', { user: 'alice', servers: [] })
  assert.deepEqual([await ids('servers'), await ids('slices')], [['edge-1', 'edge-2'], ['sports']])
  await gateway.run('slices/assign', { user: 'alice', slices: [] })
  assert.deepEqual([await ids('servers'), await ids('slices')], [1403, 1403])
})
