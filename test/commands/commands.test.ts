import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codes, isDone } from '../../schemas/codes.js'
import { compile, faultPaths, instanceFor } from '../support/commands.js'
import { makeKey } from '../support/keys.js'

test('commands lists every command, by name, with schemas that compile and numbers from the table of codes', async (t) => {
  const gateway = await instanceFor(t)
  const { code, result } = await gateway.run('commands', {}, await makeKey(gateway, { permissions: [] }))
  assert.equal(code, 9021)
  assert.deepEqual(result.commands, JSON.parse(JSON.stringify(gateway.catalogue)))
  const names = result.commands.map(({ name }: { name: string }) => name)
  assert.deepEqual(names, [...names].sort())
  const table = new Map(Object.entries(codes).map(([name, entry]) => [name, entry.code]))
  for (const command of result.commands) {
    compile(command.params)
    compile(command.result)
    assert.ok(command.summary, command.name)
    for (const declared of command.codes) assert.equal(declared.code, table.get(declared.name), command.name)
    assert.ok(
      command.codes.some((declared: { code: number }) => isDone(declared.code)),
      command.name,
    )
  }
})

test('commands with a name lists that command alone, and nothing for a name that no command has', async (t) => {
  const gateway = await instanceFor(t)
  const named = async (name: string) =>
    (await gateway.run('commands', { name })).result.commands.map((command: { name: string }) => command.name)
  assert.deepEqual(await named('get-user'), ['get-user'])
  for (const name of ['GET-USER', 'get-user ', '', 'constructor', 'toString']) assert.deepEqual(await named(name), [])
})

test('commands refuses parameters that it does not have, and names that are no text', async (t) => {
  const gateway = await instanceFor(t)
  const rows = [
    [{ names: 'ping' }, ['/names']],
    [{ name: 1 }, ['/name']],
    [{ name: null }, ['/name']],
    [{ name: 'pi\u0000ng' }, ['/name']],
    [{ name: 'x'.repeat(129) }, ['/name']],
  ] as const
  for (const [params, paths] of rows) {
    const reply = await gateway.run('commands', params)
    assert.deepEqual([reply.code, faultPaths(reply)], [1422, paths])
  }
})
