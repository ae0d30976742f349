// What the generators of the three languages share: the catalogue, cut to what a helper and its documentation need.

/** Words of a command's name: `sevu.addstreamuser`, `keys/create`, `get-user`. */
export const wordsOf = (name) => name.split(/[^a-z0-9]+/)

export const capitalised = (word) => word.slice(0, 1).toUpperCase() + word.slice(1)

export const camel = (name) =>
  wordsOf(name)
    .map((word, index) => (index === 0 ? word : capitalised(word)))
    .join('')

/** A name that no other one has: what is taken gets an underscore at its end. */
export function unique(taken, name) {
  let free = name
  while (taken.has(free)) free += '_'
  taken.add(free)
  return free
}

/** The members of an object schema. One with a default may be left out, although the schema lists it as required. */
export function membersOf(schema) {
  const required = new Set(schema.required ?? [])
  const members = Object.entries(schema.properties ?? {}).map(([name, inner]) => ({
    name,
    schema: inner,
    required: required.has(name) && inner.default === undefined,
    about: about(inner),
  }))
  return [...members.filter((member) => member.required), ...members.filter((member) => !member.required)]
}

/** The variants of a schema, or the schema itself where it has none. */
export const variantsOf = (schema) => (schema.properties ? [schema] : (schema.anyOf ?? schema.oneOf ?? [schema]))

/** What a value means, with its limits: for documentation. */
function about(schema) {
  const limits = []
  const { minimum, maximum, maxLength, maxItems, default: fallback } = schema
  // The whole range of exact integers, or all of time, tells nobody anything.
  if (maximum !== undefined && maximum < 1_000_000_000_000 / 4) limits.push(`${minimum ?? '…'} to ${maximum}`)
  else if (minimum !== undefined && minimum > 0) limits.push(`from ${minimum}`)
  if (maxLength !== undefined) limits.push(`at most ${maxLength} characters`)
  if (maxItems !== undefined) limits.push(`at most ${maxItems}`)
  if (fallback !== undefined) limits.push(`default ${JSON.stringify(fallback)}`)
  const extent = limits.length > 0 ? `(${limits.join('; ')})` : ''
  return [schema.description, extent].filter((text) => text).join(' ')
}

/** `name: what it is`, one line a member, those of objects inside it further in. */
export function memberLines(schema, typeName, indent = '') {
  return variantsOf(schema)
    .flatMap((variant) => membersOf(variant))
    .flatMap(({ name, schema: inner, required, about: text }) => {
      const optional = required ? '' : ', may be left out'
      const line = `${indent}${name} (${typeName(inner)}${optional})${text === '' ? '' : `: ${text}`}`
      const nested = inner.items ?? inner
      return [line, ...(nested.properties ? memberLines(nested, typeName, `${indent}  `) : [])]
    })
    .filter((line, index, lines) => lines.indexOf(line) === index)
}

/** What every language says of a command after its summary and its parameters. */
export const permissionLine = ({ permission }) =>
  permission === null ? 'Permission: none beyond a valid signature' : `Permission: ${permission}`

/** `3021 USER_TOGGLED: User toggled`, the done ones first. */
export function codeLines({ codes }) {
  const line = ({ code, name, message }) => `${code} ${name}: ${message}`
  return {
    done: codes.filter(({ code }) => code % 2 === 1).map(line),
    notDone: codes.filter(({ code }) => code % 2 === 0).map(line),
  }
}

/** Breaks a text into lines of at most `width` characters; what goes on is set two further in. */
export function wrap(text, width) {
  const indent = /^ */.exec(text)[0]
  const lines = []
  let line = indent
  for (const word of text.trim().split(/\s+/)) {
    const next = line.trim() === '' ? `${line}${word}` : `${line} ${word}`
    if (next.length > width && line.trim() !== '') {
      lines.push(line)
      line = `${indent}  ${word}`
    } else line = next
  }
  return [...lines, line]
}
