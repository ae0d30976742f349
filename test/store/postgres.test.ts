import type { TestContext } from 'node:test'
import type { Db } from '../../src/store/db.js'
import { openPostgres, type PostgresOptions } from '../../src/store/postgres.js'
import { emptySchema, noPostgres } from '../support/postgres.js'
import { contract } from './contract.js'

async function open(t: TestContext, options: Partial<PostgresOptions> = {}): Promise<Db> {
  const { url, drop } = await emptySchema()
  const db = openPostgres(url, { sender: 'test', relaxed: true, ...options })
  t.after(async () => {
    await db.close()
    await drop()
  })
  return db
}

if (noPostgres === undefined) contract('PostgreSQL', (t) => open(t))
