import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { type AuditRow, readFolder } from '../support/folder.js'
import { hasPrograms, main, run, runCli, serverFor, type TestServer } from '../support/server.js'

/** A server with a trail of six writes. */
async function audited(t: TestContext): Promise<TestServer> {
  const server = await serverFor(t)
  for (let n = 1; n <= 6; n++) {
    assert.equal((await server.call('set-user', { id: `user-${n}`, user: { type: 3 } })).json?.code, 3011)
  }
  return server
}

function change(folder: string, ...statements: string[]): void {
  const database = new Database(join(folder, 'countersign.db'))
  for (const statement of statements) assert.ok(database.prepare(statement).run().changes > 0, statement)
  database.close()
}

const verify = (folder: string, ...more: string[]) => runCli(['audit', 'verify', '--data', folder, ...more])

const headOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'audit.head'), 'utf8'))

test('the end of the process leaves the signed head in audit.head, mode 0600, and in one line of the log', async (t) => {
  const server = await audited(t)
  assert.equal(await server.stop(), 0)
  const file = join(server.folder, 'audit.head')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  const head = headOf(server.folder)
  assert.deepEqual(
    head.heads.map(({ node, seq }: { node: string; seq: number }) => [node, seq]),
    [['sqlite', 6]],
  )
  const lines = server
    .log()
    .split('\n')
    .filter((line) => line.includes('audit_head'))
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    lines.map(({ level, audit_head }) => [level, audit_head]),
    [[30, head]],
  )
  const { status, stdout } = await verify(server.folder, '--checkpoint', file)
  assert.equal(status, 0)
  assert.deepEqual(JSON.parse(stdout), { ok: true, rows: 6, last_row: 6, checkpoints: 1 })
})

test('reads and refusals just before a clean shutdown are in the trail afterwards', async (t) => {
  const server = await serverFor(t)
  await Promise.all(Array.from({ length: 30 }, (_, n) => server.call('get-user', { id: `nobody-${n}` })))
  await server.call('no-such-command')
  assert.equal(await server.stop(), 0)
  const file = readFolder(server.folder)
  const counts = file.rows<object>('select command, code, count(*) as count from audit group by command, code')
  file.close()
  assert.deepEqual(counts, [
    { command: 'get-user', code: 3000, count: 30 },
    { command: 'unknown', code: 1404, count: 1 },
  ])
})

const tamperings: readonly (readonly [what: string, statements: readonly string[], said: RegExp])[] = [
  ['edited', [`update audit set code = 3013 where seq = 3`], /broken at row 3: row 3 is not as it was written/],
  ['removed from the middle', ['delete from audit where seq = 4'], /broken at row 4: row 4 is missing/],
  ['removed at the beginning', ['delete from audit where seq = 1'], /broken at row 1: row 1 is missing/],
  [
    'swapped',
    [
      'update audit set seq = 9 where seq = 2',
      'update audit set seq = 2 where seq = 3',
      'update audit set seq = 3 where seq = 9',
    ],
    /broken at row 2: row 2 is not as it was written/,
  ],
]

for (const [what, statements, said] of tamperings) {
  test(`rows that were ${what}: verify ends with 1 and says so, on the database beside the server and on an export`, async (t) => {
    const { folder } = await audited(t)
    assert.equal((await verify(folder)).status, 0)
    change(folder, ...statements)
    const { status, stdout, stderr } = await verify(folder)
    assert.equal(status, 1)
    assert.match(stderr, said)
    assert.equal(JSON.parse(stdout).ok, false)
    const file = join(folder, 'export.jsonl')
    writeFileSync(file, (await runCli(['audit', 'export', '--data', folder])).stdout)
    const exported = await verify(folder, '--file', file)
    assert.equal(exported.status, 1)
    assert.match(exported.stderr, said)
  })
}

test('a tail that was cut off is found with audit.head, and with the log, when they were kept elsewhere', async (t) => {
  const server = await audited(t)
  await server.stop()
  const { folder } = server
  const elsewhere = { head: join(folder, 'kept.head'), log: join(folder, 'kept.log') }
  copyFileSync(join(folder, 'audit.head'), elsewhere.head)
  writeFileSync(elsewhere.log, server.log())
  change(folder, 'delete from audit where seq > 4')
  assert.equal((await verify(folder)).status, 0)
  for (const file of Object.values(elsewhere)) {
    const { status, stderr } = await verify(folder, '--checkpoint', file)
    assert.equal(status, 1)
    assert.match(stderr, /broken at row 5: the trail ends at row 4, .*saw row 6: the tail was cut off/)
  }
})

test('a server that finds audit.head ahead of its trail says so, and does not write over it', async (t) => {
  const { folder, stop } = await audited(t)
  await stop()
  const head = headOf(folder)
  change(folder, 'delete from audit where seq > 4')
  const server = await serverFor(t, { folder })
  for (let n = 1; n <= 3; n++) await server.call('set-user', { id: `later-${n}`, user: { type: 3 } })
  assert.equal(await server.stop(), 0)
  assert.match(server.log(), /the audit trail and its last checkpoint disagree: row 6/)
  assert.deepEqual(headOf(folder), head)
})

test('an export holds every row with its hash, verifies with the master key alone, and finds an edited line', async (t) => {
  const server = await audited(t)
  await server.call('set-user', { id: 'lines', user: { comment: 'one\u2028two\u0085three' } })
  const { folder } = server
  const { stdout, status } = await runCli(['audit', 'export', '--data', folder])
  assert.equal(status, 0)
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const file = readFolder(folder)
  assert.deepEqual(rows, file.rows<AuditRow>('select * from audit order by seq'))
  file.close()
  await server.stop()
  const exported = join(folder, 'export.jsonl')
  const check = (text: string, ...more: string[]) => {
    writeFileSync(exported, text)
    const env = { COUNTERSIGN_MASTER_KEY: readFileSync(join(folder, 'master.key'), 'utf8').trim() }
    return runCli(['audit', 'verify', '--data', join(folder, 'not-there'), '--file', exported, ...more], { env })
  }
  const lines = stdout.trimEnd().split('\n')
  const head = join(folder, 'audit.head')
  const table: [string, string, readonly string[], number, RegExp][] = [
    ['as it is', stdout, [], 0, /holds: 7 rows/],
    ['as it is, with a checkpoint', stdout, ['--checkpoint', head], 0, /holds: 7 rows/],
    ['with Windows line ends', lines.join('\r\n'), [], 0, /holds: 7 rows/],
    ['edited', stdout.replace('user-3', 'user-4'), [], 1, /row 3 is not as it was written/],
    ['without a line', lines.filter((_, n) => n !== 2).join('\n'), [], 1, /row 3 is missing/],
    ['without its end', lines.slice(0, 5).join('\n'), ['--checkpoint', head], 1, /the tail was cut off/],
    ['with a line twice', [...lines, lines[6]].join('\n'), [], 1, /row 7 comes after row 7/],
    ['cut inside a line', stdout.slice(0, -10), [], 1, /broken at row 7: line 7 of the file is no JSON object/],
  ]
  for (const [what, text, more, expected, said] of table) {
    const result = await check(text, ...more)
    assert.equal(result.status, expected, `${what}: ${result.stderr}`)
    assert.match(result.stderr, said, what)
  }
})

test('an export of one account holds its rows only, and says that it is no chain', async (t) => {
  const server = await audited(t)
  await runCli(['account', 'create', '--cdn', '7', '--data', server.folder])
  await runCli(['user', 'set', 'seven', '--cdn', '7', '--type', '3', '--data', server.folder])
  const { stdout, stderr, status } = await runCli(['audit', 'export', '--account', '7', '--data', server.folder])
  assert.equal(status, 0)
  const targets = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).target)
  assert.ok(targets.includes('seven') && !targets.includes('user-1'), stdout)
  assert.match(stderr, /only rows of account 7: they cannot be verified as a chain/)
})

test('a cut beside a running server leaves a trail that verifies, as its export does; broken ones are not cut', async (t) => {
  const server = await audited(t)
  const { folder } = server
  const cut = await runCli(['audit', 'cut', '--keep-days', '0', '--data', folder])
  // Rows of the second of the newest signed message are not old yet.
  await new Promise((resolve) => setTimeout(resolve, 1_001))
  await server.call('set-user', { id: 'newest', user: { type: 3 } })
  const later = JSON.parse((await runCli(['audit', 'cut', '--keep-days', '0', '--data', folder])).stdout).removed
  assert.equal(cut.status, 0)
  assert.ok(JSON.parse(cut.stdout).removed + later >= 1)
  await server.call('set-user', { id: 'later', user: { type: 3 } })
  const exported = join(folder, 'export.jsonl')
  writeFileSync(exported, (await runCli(['audit', 'export', '--data', folder])).stdout)
  assert.equal((await verify(folder)).status, 0)
  assert.equal((await verify(folder, '--file', exported)).status, 0)
  writeFileSync(exported, readFileSync(exported, 'utf8').replace(/"seq":[0-9]+/, '"seq":1'))
  assert.match((await verify(folder, '--file', exported)).stderr, /the record of the cut at row 1 was altered/)
  change(folder, `update audit set target = 'another' where command = 'set-user'`)
  const refused = await runCli(['audit', 'cut', '--keep-days', '0', '--data', folder])
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /nothing was removed/)
})

test('verify holds while a server writes and another process cuts', async (t) => {
  const server = await audited(t)
  let writing = true
  const load = (async () => {
    for (let n = 0; writing; n++) await server.call('set-user', { id: `load-${n}`, user: { type: 3 } })
  })()
  for (let turn = 0; turn < 3; turn++) {
    const [cut, verified] = await Promise.all([
      runCli(['audit', 'cut', '--keep-days', '0', '--data', server.folder]),
      verify(server.folder),
    ])
    assert.deepEqual([cut.status, verified.status], [0, 0], cut.stderr + verified.stderr)
  }
  writing = false
  await load
})

test('what cannot be asked is told with exit 2 or 78', async (t) => {
  const { folder } = await audited(t)
  const empty = join(folder, 'empty.log')
  writeFileSync(empty, '{"level":30,"msg":"nothing"}\n')
  const table: [string[], number, RegExp][] = [
    [['verify', '--data', folder, '--checkpoint', empty], 2, /there is no signed head in it/],
    [['verify', '--data', join(folder, 'nowhere')], 78, /holds no Countersign data/],
    [['verify', '--data', join(folder, 'nowhere'), '--file', empty], 78, /the master key is missing/],
    [['cut', '--data', folder, '--keep-days', '-1'], 2, /expected a number of days/],
    [['cut', '--data', folder], 2, /--keep-days/],
  ]
  for (const [args, expected, said] of table) {
    const { status, stderr } = await runCli(['audit', ...args])
    assert.equal(status, expected, stderr)
    assert.match(stderr, said)
  }
})

test('a reader that has seen enough ends the export quietly', async (t) => {
  const { folder } = await audited(t)
  const copied = `insert into audit with recursive n (i) as (select 7 union all select i + 1 from n where i < 4000)
    select node, n.i, at_ms, account, principal, key_id, address, dialect, command, target, code, dry_run, request_id, detail, hash
    from audit, n where seq = 1`
  change(folder, copied)
  const { stdout, stderr } = await run('sh', [
    '-c',
    `"$0" "$1" audit export --data "$2" | head -n 1`,
    process.execPath,
    main,
    folder,
  ])
  assert.equal(JSON.parse(stdout).seq, 1)
  assert.equal(stderr, '')
})

test('progress is shown on a terminal only', async (t) => {
  const { folder } = await audited(t)
  const copied = `insert into audit with recursive n (i) as (select 7 union all select i + 1 from n where i < 12000)
    select node, n.i, at_ms, account, principal, key_id, address, dialect, command, target, code, dry_run, request_id, detail, hash
    from audit, n where seq = 1`
  change(folder, copied)
  const args = ['audit', 'export', '--data', folder]
  assert.equal((await runCli(args)).stderr, '')
  if (!hasPrograms(t, 'script')) return
  const line = [process.execPath, main, ...args].map((part) => `'${part}'`).join(' ')
  const { stdout } = await run('script', ['-qec', `${line} > /dev/null`, '/dev/null'])
  assert.match(stdout, /\r.*10000 rows exported/)
})
