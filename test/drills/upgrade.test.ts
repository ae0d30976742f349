import { test } from 'node:test'
import { noPostgres } from '../support/postgres.js'
import { upgradeDrill } from '../support/upgrade-drill.js'

const rounds = Number(process.env.ROUNDS ?? 10)

test(
  `two gateways under load, upgraded one after the other and back ${rounds} times: every command is done, once`,
  { skip: noPostgres ?? false },
  (t) => upgradeDrill(t, { parallel: 24, rest: 0, pause: 1_000, rounds }),
)
