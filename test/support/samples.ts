import type { ValidateFunction } from 'ajv'
import { compile } from './commands.js'

/** Values to try for a parameter, by its name. */
export type Known = (name: string) => readonly unknown[]

interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly minimum?: number
  readonly required?: readonly string[]
}

const text: Schema = { type: 'string' }

/** For a text that takes none of the known ones. */
const texts = ['x', 'some-text-of-24-characters', '10.0.0.1', '2038-01-01 00:00:00', '0'.repeat(32)]

/**
 * Values that a schema takes: for an object what is required alone, everything together, and each member with every
 * value there is for it.
 */
export function samples(schema: object, known: Known, name = ''): unknown[] {
  const accepts = compile(schema)
  const first = candidates(JSON.parse(JSON.stringify(schema)), known, name).filter((value) => accepts(value))
  return first.length > 0 ? unique(first) : texts.filter((value) => accepts(value)).slice(0, 1)
}

function candidates(schema: Schema, known: Known, name: string): unknown[] {
  if (schema.properties) return objects(schema.properties, known, compile(schema))
  // An open object, such as an item of a batch: what it must have.
  if (schema.required)
    return objects(Object.fromEntries(schema.required.map((member) => [member, text])), known, compile(schema))
  if (schema.const !== undefined) return [schema.const]
  if (schema.enum) return [...schema.enum]
  const variants = schema.anyOf ?? schema.oneOf
  if (variants) return variants.flatMap((variant) => samples(variant, known, name))
  if (schema.type === 'array') return [samples(schema.items ?? {}, known, name).slice(0, 3), []]
  if (schema.type === 'boolean') return [false, true]
  if (schema.type === 'null') return [null]
  const numbers = schema.type === 'string' ? [] : [schema.minimum ?? 0, 1]
  const given = known(name).filter((value) => typeof value === (schema.type === 'string' ? 'string' : 'number'))
  return given.length > 0 ? given : numbers
}

function objects(properties: Readonly<Record<string, Schema>>, known: Known, accepts: ValidateFunction): object[] {
  const choices = Object.entries(properties)
    .map(([name, inner]) => [name, samples(inner, known, name)] as const)
    // A text that only the gateway can make, such as a cursor.
    .filter(([, values]) => values.length > 0)
  const all = choices.map(([name, [first]]) => [name, first] as const)
  const required = new Set(Object(accepts.schema).required)
  const least = all.filter(([name]) => required.has(name))
  const each = choices.flatMap(([name, values]) => values.map((value) => including(least, name, value)))
  const plain = [all, least, ...each].map((members) => Object.fromEntries(members))
  if (accepts(plain[0]) && accepts(plain[1])) return plain
  // Some members exclude or need one another: everything but one finds the pairs.
  const most = all.map(([name]) => all.filter(([other]) => other !== name))
  const varied = most
    .filter((members) => members.length <= 3)
    .flatMap((members) =>
      choices
        .filter(([name]) => members.some(([other]) => other === name))
        .flatMap(([name, values]) => values.map((value) => including(members, name, value))),
    )
  return [...plain, ...[...most, ...varied].map((members) => Object.fromEntries(members))]
}

type Members = readonly (readonly [name: string, value: unknown])[]

/** In the order of names, so that equal sets are equal texts. */
const including = (members: Members, name: string, value: unknown): Members =>
  [...members.filter(([other]) => other !== name), [name, value] as const].sort(([a], [b]) => (a < b ? -1 : 1))

const unique = (values: readonly unknown[]): unknown[] => [
  ...new Map(values.map((value) => [JSON.stringify(value), value])).values(),
]
