import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signMessage } from '../../clients/typescript/index.js'
import { instanceFor } from '../support/commands.js'
import { listen } from '../support/listener.js'
import { assertReply, openSocket, post } from '../support/raw.js'

const most = 20

test('a crowd of idle connections from one address makes room for another, oldest first, and who waits for an answer stays', {
  timeout: 30_000,
}, async (t) => {
  const gateway = await instanceFor(t)
  let answer: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    answer = resolve
  })
  const port = await listen(t, gateway, {
    maxConnections: most,
    async handle(wire) {
      await gate
      return gateway.handle(wire)
    },
  })
  const message = post(signMessage('ping', {}, gateway.owner, { timestamp: gateway.seconds() }).body)
  const waiting = await openSocket(port, '127.0.0.2')
  waiting.write(message)
  const slow = await openSocket(port, '127.0.0.2')
  slow.write(message.subarray(0, -1))
  const idle = []
  for (let i = 0; i < most - 2; i++) idle.push(await openSocket(port, '127.0.0.2'))
  const honest = []
  for (let i = 0; i < 3; i++) honest.push(await openSocket(port, '127.0.0.1'))
  await Promise.all([slow.closed(), idle[0]?.closed(), idle[1]?.closed()])
  assert.equal(idle.slice(2).filter(({ socket }) => socket.destroyed).length, 0)
  for (const raw of honest) raw.write(message)
  answer()
  for (const raw of [waiting, ...honest]) assertReply(await raw.reply(), 200, 9001)
  for (const raw of [waiting, slow, ...idle, ...honest]) raw.close()
})
