import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Envelope, signMessage } from '../../clients/typescript/index.js'
import { faultsOf, readFolder } from '../support/folder.js'
import { post, volley } from '../support/raw.js'
import { removeFolder, serverFor, temporaryFolder } from '../support/server.js'

const fifty = Array.from({ length: 50 }, (_, index) => index)
const now = () => Math.floor(Date.now() / 1000)

interface Told {
  readonly code: number
  readonly replayed?: boolean
  readonly request_id: string
  readonly result?: object
}

interface Case {
  readonly params: (id: string) => object
  readonly cmd: string
  readonly done: number
  readonly effect: (id: string) => string
}

/** What is sent fifty times, and the query that counts its effect. */
const cases: Readonly<Record<string, Case>> = {
  'a toggle': {
    cmd: 'toggle-user',
    params: (id) => ({ id }),
    done: 3021,
    effect: (id) => `select 1 - enable as times from users where id = '${id}'`,
  },
  'a stream user with a password to hash': {
    cmd: 'sevu.addstreamuser',
    params: (id) => ({ app: 'a', stream: 's', user: id, pass: 'a password' }),
    done: 2061,
    effect: (id) => `select count(*) as times from stream_users where publisher = '${id}'`,
  },
}

for (const processes of [1, 2]) {
  const place = processes === 1 ? 'one gateway' : 'two gateways on one folder'

  test(`${place}: 50 sockets that send one message at once make one effect, the others get its outcome or 1409`, async (t) => {
    const { gateways, message, end } = await start(t, processes)
    for (const [name, { cmd, params, done, effect }] of Object.entries(cases)) {
      for (const key of [undefined, `once-${processes}-${done}`]) {
        const id = `${key}-${done}`
        await gateways[0]?.call('set-user', { id, user: { type: 3 } })
        const bytes = post(message(cmd, params(id), { timestamp: now(), idempotencyKey: key }))
        const told = await sendAll(fifty.map((index) => [gateways[index % processes]?.port ?? 0, bytes]))
        const first = told.filter(({ code, replayed }) => code === done && replayed === undefined)
        const others = told.filter(({ code, replayed }) => (key ? code === done && replayed === true : code === 1409))
        assert.deepEqual([first.length, others.length], [1, 49], `${name}: ${JSON.stringify(told)}`)
        if (key) for (const other of others) assert.deepEqual(other.result, first[0]?.result)
        await end.judge(effect(id), cmd, id, first[0]?.request_id)
      }
    }
    await end.all()
  })

  test(`${place}: 50 freshly signed twins of one idempotency_key make one effect, and all 50 get its outcome`, async (t) => {
    const { gateways, message, end } = await start(t, processes)
    for (const [name, { cmd, params, done, effect }] of Object.entries(cases)) {
      const id = `fresh-${done}`
      await gateways[0]?.call('set-user', { id, user: { type: 3 } })
      const told = await sendAll(
        fifty.map((index) => {
          const bytes = post(message(cmd, params(id), { timestamp: now() - index, idempotencyKey: `twin-${done}` }))
          return [gateways[index % processes]?.port ?? 0, bytes]
        }),
      )
      const first = told.filter(({ replayed }) => replayed === undefined)
      assert.equal(first.length, 1, `${name}: ${JSON.stringify(told)}`)
      for (const each of told) assert.deepEqual([each.code, each.result], [done, first[0]?.result])
      await end.judge(effect(id), cmd, id, first[0]?.request_id)
    }
    await end.all()
  })
}

async function start(t: TestContext, processes: number) {
  const folder = temporaryFolder()
  const first = await serverFor(t, { folder })
  const gateways = [first]
  for (let i = 1; i < processes; i++) gateways.push(await serverFor(t, { folder }))
  const message = (cmd: string, params: object, envelope: Envelope) =>
    signMessage(cmd, params, first.owner, envelope).body
  const end = {
    async judge(effect: string, cmd: string, id: string, requestId: string | undefined) {
      const file = readFolder(folder)
      assert.deepEqual(file.rows(effect), [{ times: 1 }])
      const audited = file.rows<{ request_id: string }>(
        'select request_id from audit where command = ? and (target = ? or target = ?)',
        cmd,
        id,
        `a/s/${id}`,
      )
      assert.deepEqual(audited, [{ request_id: requestId }])
      file.close()
    },
    async all() {
      for (const gateway of gateways) assert.equal(await gateway.stop(), 0)
      assert.deepEqual(faultsOf(folder), [])
      removeFolder(folder)
    },
  }
  return { gateways, message, end }
}

const sendAll = async (messages: readonly (readonly [number, Buffer])[]): Promise<Told[]> =>
  (await volley(messages)).map(({ body }) => JSON.parse(body))
