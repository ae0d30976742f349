import type { Tools } from './tools.js'

interface Stream {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** How a program talks: data on stdout, everything else on stderr; colour and progress on a terminal alone (no-color.org). */
export function terminalOf(
  stdout: Stream,
  stderr: Stream,
  env: Readonly<Record<string, string | undefined>>,
): Pick<Tools, 'terminal' | 'colour' | 'print' | 'say' | 'progress'> {
  const terminal = stdout.isTTY === true
  let standing = false
  const progress = (text: string | undefined) => {
    if (stderr.isTTY !== true || (text === undefined && !standing)) return
    stderr.write(`\r${text === undefined ? '' : `countersign: ${text} …`}\x1b[K`)
    standing = text !== undefined
  }
  return {
    terminal,
    colour: terminal && !env.NO_COLOR && env.TERM !== 'dumb',
    print(text) {
      if (terminal) progress(undefined)
      stdout.write(`${forTerminals(text)}\n`)
    },
    say(text) {
      progress(undefined)
      stderr.write(`countersign: ${text}\n`)
    },
    progress,
  }
}

/** JSON in which nothing is left that some terminal, or reader of lines, takes for an instruction; JSON.stringify leaves these. */
const forTerminals = (json: string): string =>
  json.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
