import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { removeFolder, runCli, temporaryFolder } from '../support/server.js'

const folder = temporaryFolder()
test.after(() => removeFolder(folder))

test('no password is taken as an argument, and the refusal does not repeat it', async () => {
  const [url, query] = ['postgres://u:hunter2@127.0.0.1:1/db', 'postgres://u@127.0.0.1:1/db?password=hunter2']
  const from = ['--from', `sqlite:${join(folder, 'countersign.db')}`]
  const wrong = [
    ['migrate', ...from, '--to', url],
    ['migrate', ...from, '--to', query],
    ['serve', '--data', join(folder, 'data'), '--database-url', url],
    ['call', 'ping', '--url', 'http://u:hunter2@127.0.0.1:1'],
  ]
  for (const args of wrong) {
    const { status, stdout, stderr } = await runCli(args)
    assert.deepEqual([status, stdout], [2, ''], args.join(' '))
    assert.match(stderr, /no password is taken there/)
    assert.doesNotMatch(stderr, /hunter2/)
  }
})

test('migrate takes the URL from a file or from the environment, with a password in it', async () => {
  const file = join(folder, 'url.txt')
  const url = 'postgres://u:hunter2@127.0.0.1:1/db'
  writeFileSync(file, `${url}\n`, { mode: 0o600 })
  const from = ['migrate', '--from', `sqlite:${join(folder, 'absent.db')}`]
  const ends = [
    await runCli([...from, '--to-file', file]),
    await runCli(from, { env: { COUNTERSIGN_DATABASE_URL: url } }),
  ]
  for (const { status, stderr } of ends) {
    assert.deepEqual([status, /absent\.db: there is no such file/.test(stderr)], [78, true], stderr)
    assert.doesNotMatch(stderr, /hunter2/)
  }
  for (const args of [
    from,
    ['migrate', '--to-file', file],
    [...from, '--to-file', file, '--to', 'postgres://u@h/db'],
  ]) {
    assert.equal((await runCli(args)).status, 2, args.join(' '))
  }
})
