import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Job, Queue } from '../../src/store/queue.js'
import { entry, put } from './support.js'

const ignore = () => undefined
const job = (weight?: number): Job => ({
  entry: { ...entry('e', put('e')), weight },
  submitted: performance.now(),
  resolve: ignore,
  reject: ignore,
})

/** How often the event loop turned before the queue had gathered. */
async function turns(queue: Queue, again = false): Promise<number> {
  let count = 0
  let waiting = true
  const turned = () => {
    count++
    if (waiting) setImmediate(turned)
  }
  setImmediate(turned)
  await queue.gather(again)
  waiting = false
  return count
}

/** A queue with so many single commands. */
function queueOf(count: number, most = 256): Queue {
  const queue = new Queue(most)
  for (let i = 0; i < count; i++) queue.push(job())
  return queue
}

test('few writes wait for others while the event loop turns', async (t) => {
  t.mock.method(performance, 'now', () => 0)
  assert.ok((await turns(queueOf(1))) > 1)
  assert.ok((await turns(queueOf(127))) > 1)
})

test('nobody waits for others where other work fills the turns of the event loop', async (t) => {
  const queue = queueOf(1)
  let now = 0
  t.mock.method(performance, 'now', () => (now += 6))
  assert.equal(await turns(queue), 1)
})

test('enough of them wait for nobody: commands count, not messages, and no more than a transaction takes', async () => {
  assert.equal(await turns(queueOf(128)), 0)
  assert.equal(await turns(queueOf(16, 16)), 0)
  const carrying = queueOf(28)
  carrying.push(job(100))
  assert.equal(await turns(carrying), 0)
})

test('what makes it enough ends the wait at once', async () => {
  const queue = queueOf(127)
  const counting = turns(queue)
  setImmediate(() => queue.push(job()))
  assert.equal(await counting, 1)
})

test('behind another commit the event loop turns, however many wait', async () => {
  assert.equal(await turns(queueOf(1_000), true), 1)
})

test('a weight that is no number, below one or without end leaves nothing behind', async () => {
  for (const weight of [Number.NaN, -1_000, Number.POSITIVE_INFINITY]) {
    const queue = queueOf(0)
    queue.push(job(weight))
    queue.take(1)
    for (let i = 0; i < 127; i++) queue.push(job())
    assert.ok((await turns(queue)) > 1)
    queue.push(job())
    assert.equal(await turns(queue), 0)
  }
})

test('what was taken is no longer waited with', async () => {
  const queue = queueOf(200)
  assert.equal(queue.take(100).items.length, 100)
  assert.equal(queue.length, 100)
  assert.ok((await turns(queue)) > 1)
})
