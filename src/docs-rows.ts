/** What is shown of a JSON Schema; whatever else is in one is for programs. */
interface Shape {
  readonly type?: unknown
  readonly description?: unknown
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: unknown
  readonly required?: unknown
  readonly properties?: unknown
  readonly items?: unknown
  readonly anyOf?: unknown
}

/** A member of parameters or of a result. */
export interface Row {
  readonly path: string
  readonly type: string
  readonly required: boolean
  readonly meaning: string
}

const shapeOf = (schema: unknown): Shape => (typeof schema === 'object' && schema !== null ? { ...schema } : {})
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** The members of an object's schema at every depth, each once; required where every variant requires it. */
export function rowsOf(schema: unknown, prefix = ''): Row[] {
  const shape = shapeOf(schema)
  const variants = listOf(shape.anyOf)
  if (shape.properties === undefined && variants.length > 0) return unionRows(variants, prefix)
  const required = listOf(shape.required)
  return Object.entries(shapeOf(shape.properties)).flatMap(([name, inner]) => {
    const path = `${prefix}${name}`
    const { default: otherwise, description, type, items } = shapeOf(inner)
    const told = typeof description === 'string' ? description : ''
    const standard = otherwise === undefined ? '' : `default ${JSON.stringify(otherwise)}`
    const meaning = [told, standard].filter((part) => part !== '').join('; ')
    const below = type === 'array' ? rowsOf(items, `${path}[].`) : rowsOf(inner, `${path}.`)
    return [{ path, type: typeOf(inner), required: required.includes(name) && standard === '', meaning }, ...below]
  })
}

function unionRows(variants: readonly unknown[], prefix: string): Row[] {
  const lists = variants.map((variant) => rowsOf(variant, prefix))
  const everywhere = (path: string) => lists.every((rows) => rows.some((row) => row.path === path && row.required))
  const rows = new Map(lists.flat().map((row) => [row.path, row]))
  return [...rows.values()].map((row) => ({ ...row, required: everywhere(row.path) }))
}

function typeOf(schema: unknown): string {
  const { type, enum: values, const: constant, items, anyOf } = shapeOf(schema)
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(', ')
  if (constant !== undefined) return JSON.stringify(constant)
  if (type === 'array') return `list of ${typeOf(items)}`
  if (type === undefined && anyOf !== undefined) return [...new Set(listOf(anyOf).map(typeOf))].join(' or ')
  return typeof type === 'string' ? type : 'any'
}
