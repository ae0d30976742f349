/** Where a listing goes. */
export interface Look {
  /** Whether stdout is a terminal. */
  readonly terminal: boolean
  /** Whether it may be coloured. */
  readonly colour: boolean
}

export type Cell = string | number | boolean | null | readonly string[]

/** Rows under a head: aligned columns for people on a terminal, tab-separated lines for programs. Without rows, the head alone. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], look: Look): string {
  const lines = [head, ...rows.map((row) => row.map(spelled))]
  if (!look.terminal) return lines.map((line) => line.join('\t')).join('\n')
  const columns = head.map((_, column) => ({
    width: Math.max(...lines.map((line) => widthOf(line[column] ?? ''))),
    numbers: rows.length > 0 && rows.every((row) => typeof row[column] === 'number'),
  }))
  const aligned = lines.map((line) =>
    columns
      .map(({ width, numbers }, column) => padded(line[column] ?? '', width, numbers))
      .join('  ')
      .trimEnd(),
  )
  return aligned.map((line, index) => (index === 0 ? styled('bold', line, look.colour) : line)).join('\n')
}

/** A moment in Unix seconds as people read it, in UTC; nothing for none. */
export const moment = (seconds: number | null): string =>
  seconds === null ? '' : new Date(seconds * 1000).toISOString().replace('.000', '')

const styles = { bold: 1, red: 31, green: 32, yellow: 33 } as const
export type Style = keyof typeof styles

export const styled = (style: Style, text: string, colour: boolean): string =>
  colour ? `\x1b[${styles[style]}m${text}\x1b[0m` : text

/** Nothing in a cell ends it, its line, or tells a terminal what to do. */
function spelled(cell: Cell): string {
  const text = cell === null ? '' : typeof cell === 'object' ? cell.join(',') : String(cell)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
  return text.replace(/[\x00-\x1f\\]/g, (character) => {
    if (character === '\\') return '\\\\'
    return names.get(character) ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}

const names = new Map([
  ['\t', '\\t'],
  ['\n', '\\n'],
  ['\r', '\\r'],
])

const widthOf = (text: string): number => [...text].length

function padded(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(width - widthOf(text))
  return right ? space + text : text + space
}
