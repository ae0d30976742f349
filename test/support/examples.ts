import { createHash } from 'node:crypto'
import { type Credentials, signMessage } from '../../clients/typescript/index.js'
import { commands } from '../../commands/index.js'
import type { Published } from '../../src/command.js'
import { Accounts } from '../../src/store/accounts.js'
import { Keys } from '../../src/store/keys.js'
import { type TestInstance, testInstance } from './instance.js'

/** Who signs the examples of docs/commands.md: the credentials of the worked example in docs/protocol.md. */
export const exampleKey: Credentials = { apiKey: 'example-key', secret: 'an-example-secret-not-for-production' }
/** When they are sent, Unix seconds. */
export const exampleTime = 1_795_332_418

/** One gateway for one example: what is made in it depends only on which command makes it. */
export interface ExampleWorld {
  /** Sends a signed body as it stands; the reply's body. */
  send(command: string, body: string): Promise<string>
  close(): Promise<void>
}

/** A gateway of account 1 whose one key is {@link exampleKey}, which holds `*` and `instance`; its clock stands still. */
export async function exampleWorld(): Promise<ExampleWorld> {
  const { begin, ...chance } = chanceByCommand()
  const gateway = await testInstance({ ...chance, now: () => exampleTime * 1000 })
  await useExampleKey(gateway)
  return {
    async send(command, body) {
      begin(command)
      return (await gateway.post(body)).body
    },
    close: () => gateway.close(),
  }
}

/** The body of a command's example, as it is sent. Writes carry an idempotency key, as they should. */
export function exampleRequest({ name, example }: Published): string {
  const idempotencyKey = reads.has(name) ? undefined : `example:${name}`
  return signMessage(name, example?.params ?? {}, exampleKey, { timestamp: exampleTime, idempotencyKey }).body
}

const reads = new Set(commands.filter((command) => command.reads).map(({ name }) => name))

/** The names of the commands whose examples run before one, in order: what they need stands before them. */
export function preparations(name: string, catalogue: ReadonlyMap<string, Published>): string[] {
  const before = catalogue.get(name)?.example?.after ?? []
  return [...new Set(before.flatMap((other) => [...preparations(other, catalogue), other]))]
}

async function useExampleKey({ db, vault }: TestInstance): Promise<void> {
  await db.transaction(async (session) => {
    await session.run('delete from keys')
    const owner = await new Accounts(session, () => undefined).owner(1)
    await new Keys(session, vault).insert(
      {
        keyId: exampleKey.apiKey,
        secret: exampleKey.secret,
        account: 1,
        principal: { kind: 'owner', id: owner ?? '' },
        permissions: ['*', 'instance'],
        ceiling: ['*', 'instance'],
        createdBy: 'init',
        comment: 'made by init',
      },
      exampleTime,
    )
  })
}

/** The n-th random value of a length that a command asks for is always the same. */
function chanceByCommand() {
  let stage = ''
  const counts = new Map<string, number>()
  const next = (what: string): Buffer => {
    const count = (counts.get(what) ?? 0) + 1
    counts.set(what, count)
    return createHash('shake256', { outputLength: 64 }).update(`${stage} ${what} ${count}`).digest()
  }
  return {
    begin(command: string) {
      stage = command
      counts.clear()
    },
    randomBytes: (size: number): Buffer => next(`bytes ${size}`).subarray(0, size),
    randomName: (length: number): string =>
      next(`name ${length}`).toString('base64url').replace(/[-_]/g, 'x').slice(0, length),
  }
}
