import { isUtf8 } from 'node:buffer'
import { malformed } from './refusal.js'

/**
 * The bytes of a MAC in one of its two canonical spellings: padded standard base64 (44 characters) or lower-case hex
 * (64). Any other text is undefined: `Buffer.from` forgives, so what was decoded is encoded again and compared.
 */
export function decodeMac(text: string): Buffer | undefined {
  const encoding = text.length === 44 ? 'base64' : text.length === 64 ? 'hex' : undefined
  if (encoding === undefined) return undefined
  const bytes = Buffer.from(text, encoding)
  return bytes.length === 32 && bytes.toString(encoding) === text ? bytes : undefined
}

/** Decodes UTF-8 fatally; a byte order mark is kept as the character it is. Throws 1400. */
export function decodeUtf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw malformed('not valid UTF-8')
  return bytes.toString('utf8')
}

/**
 * Reads application/x-www-form-urlencoded strictly (WHATWG URL §5.1, but a broken escape or invalid UTF-8 is 1400
 * instead of being repaired). Repeats are kept: the caller refuses them. `typed`: a person may have written it, who leaves
 * spaces and letters that are not ASCII as they are.
 */
export function decodeForm(text: string, typed = false): [name: string, value: string][] {
  return text.split('&').map((pair) => {
    const equals = pair.indexOf('=')
    if (equals < 0) throw malformed('expected a JSON object, or a form')
    return [decodeFormText(pair.slice(0, equals), typed), decodeFormText(pair.slice(equals + 1), typed)]
  })
}

function decodeFormText(text: string, typed: boolean): string {
  const accepted = typed ? /^[^\p{Cc}]*$/u : /^[\x21-\x7e]*$/
  if (!accepted.test(text)) throw malformed('expected a JSON object, or a form')
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw malformed('the form has a broken percent escape')
  }
}
