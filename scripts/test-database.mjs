import pg from 'pg'

const server = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres'

async function asked(sql) {
  const client = new pg.Client(server)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** A database of PostgreSQL for one run of the tests; undefined, loudly, where no server can be reached. In CI that is a failure. */
export async function testDatabase() {
  const name = `countersign_tests_${process.pid}`
  try {
    await asked(`create database ${name}`)
  } catch (error) {
    const why = `no PostgreSQL at ${new URL(server).host} (TEST_POSTGRES_URL names another): ${error.message || error.code}`
    if (process.env.CI) throw new Error(why)
    process.stderr.write(`\ncountersign: SKIPPED what is tested on PostgreSQL: ${why}\n\n`)
    return undefined
  }
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => asked(`drop database ${name} with (force)`) }
}
