// A JSON Schema as rows of a table: a row for every member, at every depth.
import { Name } from '../dist/schemas/types.js'
import { code } from './markdown.mjs'

/** Rows of path, type, required, limits, default (`otherwise`) and meaning; none for an object without members. */
export function rowsOf(schema, prefix = '') {
  const variants = variantsOf(schema).filter((variant) => variant.properties)
  if (!schema.properties && variants.length > 0) return unionRows(variants, prefix)
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const path = `${prefix}${name}`
    const required = (schema.required ?? []).includes(name) && inner.default === undefined
    return [rowOf(path, inner, required), ...innerRows(inner, path)]
  })
}

/** Members of every variant, each once; required where every variant requires it. */
function unionRows(variants, prefix) {
  const lists = variants.map((variant) => rowsOf(variant, prefix))
  const everywhere = (path) => lists.every((rows) => rows.some((row) => row.path === path && row.required))
  const rows = new Map(lists.flat().map((row) => [row.path, row]))
  return [...rows.values()].map((row) => ({ ...row, required: everywhere(row.path) }))
}

const variantsOf = (schema) => schema.anyOf ?? schema.oneOf ?? []

const rowOf = (path, schema, required) => ({
  path: code(path),
  type: typeOf(schema),
  required,
  limits: limitsOf(schema).join(', '),
  otherwise: schema.default === undefined ? '' : code(JSON.stringify(schema.default)),
  meaning: meaningOf(schema),
})

function innerRows(schema, path) {
  if (schema.type === 'array') return rowsOf(schema.items ?? {}, `${path}[].`)
  return rowsOf(schema, `${path}.`)
}

function typeOf(schema) {
  if (schema.enum) return schema.enum.map((value) => code(JSON.stringify(value))).join(', ')
  if (schema.const !== undefined) return code(JSON.stringify(schema.const))
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`
  if (schema.patternProperties && !schema.required) return 'map'
  const variants = variantsOf(schema)
  if (!schema.type && variants.length > 0) return [...new Set(variants.map(typeOf))].join(' or ')
  return schema.type ?? 'any'
}

const counted = (least, most, unit) => {
  if (least === undefined && most === undefined) return []
  if (most === undefined) return [`at least ${least}${unit}`]
  return [least === undefined ? `at most ${most}${unit}` : `${least} to ${most}${unit}`]
}

function limitsOf(schema) {
  const own = [
    ...counted(schema.minimum, schema.maximum, ''),
    ...counted(schema.minLength, schema.maxLength, ' characters'),
    ...counted(schema.minItems, schema.maxItems, ' elements'),
    ...counted(schema.minProperties, schema.maxProperties, ' members'),
    ...(schema.pattern ? [patternText(schema.pattern)] : []),
  ]
  const inner =
    schema.type === 'array' && !schema.items?.properties
      ? limitsOf(schema.items ?? {}).map((limit) => `each ${limit}`)
      : []
  return [...own, ...inner, ...(schema.type ? [] : variantsOf(schema).flatMap(limitsOf))]
}

function meaningOf(schema) {
  const told = schema.description ?? variantsOf(schema).find(({ description }) => description)?.description ?? ''
  const inner = schema.type === 'array' ? (schema.items?.description ?? '') : ''
  const parts = [schema.secret ? 'secret' : '', told, inner].filter((part) => part !== '')
  return [...new Set(parts)].join('; ')
}

const namePattern = Name(1, '').pattern
const patternText = (pattern) =>
  pattern === namePattern ? 'no control characters, no white space at the edges' : code(pattern)
