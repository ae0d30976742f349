import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { Fault } from './refusal.js'

/** Checks the parameters of one command in place: spellings of forms are read, defaults filled in. */
export type CheckParams = (params: Record<string, unknown>) => readonly Fault[]

const maxFaults = 100

const ajv = new Ajv({
  allErrors: true,
  useDefaults: true,
  ownProperties: true,
  strict: true,
  strictRequired: false,
  strictTypes: false,
  // Schemas of the faults, for what is said of them.
  verbose: true,
})
ajv.addKeyword('secret')

/** Compiles a closed object schema. Faults name JSON Pointers; there are at most 100 of them. */
export function compileParams(schema: object): CheckParams {
  const validate: ValidateFunction = ajv.compile(schema)
  const read = reader(schema)
  return (params) => {
    read?.(params)
    if (validate(params)) return []
    // "if" only repeats that something under "then" failed, and what a name is not that it may not be there.
    const errors = (validate.errors ?? []).filter(
      ({ keyword, propertyName }) => keyword !== 'if' && propertyName === undefined,
    )
    return errors.slice(0, maxFaults).map(toFault)
  }
}

type Read = (value: unknown) => unknown

/** Reads the spellings of form clients: numbers as digit strings, booleans as 0 and 1. Undefined where nothing can differ. */
function reader(schema: object): Read | undefined {
  const type = 'type' in schema ? schema.type : undefined
  if (type === 'integer' || type === 'number') return readNumber
  if (type === 'boolean') return readBoolean
  if (type === 'array' && 'items' in schema) return elements(reader(Object(schema.items)))
  if (type === 'object' && 'properties' in schema) return members(Object(schema.properties))
  if (type === undefined && 'anyOf' in schema) return orNull(Object.values(Object(schema.anyOf)))
  return undefined
}

/** What may also be null is read as what else it may be. */
function orNull(variants: readonly object[]): Read | undefined {
  const [only, ...others] = variants.filter((variant) => !('type' in variant && variant.type === 'null'))
  return only && others.length === 0 ? reader(only) : undefined
}

const digits = /^-?(0|[1-9][0-9]{0,15})$/

/** Digits that no double holds exactly stay text, and are refused: they would name another id. */
const readNumber: Read = (value) =>
  typeof value === 'string' && digits.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : value

const readBoolean: Read = (value) => {
  if (value === 1 || value === '1') return true
  return value === 0 || value === '0' ? false : value
}

function elements(read: Read | undefined): Read | undefined {
  if (!read) return undefined
  return (value) => {
    if (Array.isArray(value)) for (const [index, element] of value.entries()) value[index] = read(element)
    return value
  }
}

function members(properties: Record<string, object>): Read | undefined {
  const readers = Object.entries(properties)
    .map(([name, schema]) => [name, reader(schema)] as const)
    .filter((pair): pair is readonly [string, Read] => pair[1] !== undefined)
  if (readers.length === 0) return undefined
  return (value) => {
    if (!isRecord(value)) return value
    for (const [name, read] of readers) if (Object.hasOwn(value, name)) value[name] = read(value[name])
    return value
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function toFault({ instancePath, keyword, params, message, schema }: ErrorObject): Fault {
  if (keyword === 'required')
    return { path: `${instancePath}/${pointer(params.missingProperty)}`, message: 'is required' }
  if (keyword === 'additionalProperties') {
    return { path: `${instancePath}/${pointer(params.additionalProperty)}`, message: 'is not a parameter' }
  }
  if (keyword === 'enum') return { path: instancePath, message: `must be one of ${params.allowedValues.join(', ')}` }
  if (keyword === 'propertyNames')
    return { path: `${instancePath}/${pointer(params.propertyName)}`, message: 'must not stand here' }
  if (keyword === 'not') return { path: instancePath, message: excluded(schema) }
  if (keyword === 'pattern') return { path: instancePath, message: 'has characters that are not accepted here' }
  return { path: instancePath, message: message ?? 'is not accepted' }
}

function excluded(schema: unknown): string {
  const { enum: values } = Object(schema)
  return Array.isArray(values) ? `must not be ${values.join(' or ')}` : 'has members that exclude each other'
}

const pointer = (name: string): string => name.slice(0, 128).replaceAll('~', '~0').replaceAll('/', '~1')
