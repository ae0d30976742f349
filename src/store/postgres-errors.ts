import pg from 'pg'
import { Conflict, StorageError } from './db.js'

/** A connection that told of this one is of no use any more. */
export const isLost = (error: unknown): boolean =>
  !(error instanceof pg.DatabaseError) || error.severity === 'FATAL' || error.severity === 'PANIC'

const lockNotAvailable = '55P03'
const readOnly = '25006'
const cancelled = '57014'
const tooManyConnections = '53300'
/** Serialization failure, deadlock, and a row, a type or a table that another transaction made or removed at the same moment. */
const conflicts: ReadonlySet<string> = new Set(['40001', '40P01', '23505', '23503', '42710', '42P07'])
/** What may pass when tried again: unlike a broken constraint, no mistake of the caller. */
const passing: ReadonlySet<string> = new Set(['40001', '40P01'])
const auditChain = 'audit_pkey'
/** Classes: connection, resources, operator intervention, system, internal, authorization. */
const faults = /^(08|53|57P|58|XX|28|F0)/

/** What an error of PostgreSQL means to whoever asked: the storage's own failures and conflicts; a mistake of the caller stays what it is. */
export function meaning(error: unknown): unknown {
  if (isLost(error)) return new StorageError('fault', `the connection was lost: ${textOf(error)}`, { cause: error })
  if (!(error instanceof pg.DatabaseError)) return error
  const { code = '', message } = error
  if (code === lockNotAvailable) return new StorageError('locked', message, { cause: error })
  if (code === cancelled || code === tooManyConnections) return new StorageError('busy', message, { cause: error })
  if (code.startsWith('5310')) return new StorageError('full', message, { cause: error })
  if (faults.test(code) || code === readOnly) return new StorageError('fault', message, { cause: error })
  return conflicts.has(code) || isOldPlan(error) ? new Conflict(message, { cause: error }) : error
}

/** What is left of a conflict that did not go away. */
export function afterAll(conflict: Conflict): unknown {
  const { cause } = conflict
  if (!(cause instanceof pg.DatabaseError)) return new StorageError('busy', conflict.message, { cause: conflict })
  // Two processes that write one audit chain take turns.
  const goesAway = passing.has(cause.code ?? '') || isOldPlan(cause) || cause.constraint === auditChain
  return goesAway ? new StorageError('busy', conflict.message, { cause }) : cause
}

/** A statement that was prepared before another process migrated the schema: on a new connection it works. */
export const isOldPlan = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === '0A000' && error.message.includes('cached plan')

export const isReadOnly = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === readOnly

/** Node tries several addresses, and says why each failed in errors of its own. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(textOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
