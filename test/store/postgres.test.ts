import { noPostgres } from '../support/postgres.js'
import { contract } from './contract.js'
import { openSchema } from './support.js'

if (noPostgres === undefined) contract('PostgreSQL', (t) => openSchema(t))
