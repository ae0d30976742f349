import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { scanJson, withoutSignature } from '../../src/json.js'
import { space, spelledMembers, spelledString, spelledValue, writeObject } from './random-json.js'

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Where the JSON value that starts at `start` ends: the first place where it parses and a member could end. */
function valueEnd(text: string, start: number): number {
  for (let end = start + 1; end <= text.length; end++) {
    const next = text.slice(end).trimStart()[0] ?? ''
    if (',:}'.includes(next) && parses(text.slice(start, end))) return end
  }
  return assert.fail('no value')
}

/** Protocol §3 word for word, finding the members by trying JSON.parse on every prefix. */
function slowlyCut(text: string): string {
  const skip = (at: number) => at + (/^[\s,:]*/.exec(text.slice(at))?.[0].length ?? 0)
  const members: { name: string; start: number; end: number }[] = []
  for (let at = skip(text.indexOf('{') + 1); text[at] !== '}'; ) {
    const nameEnd = valueEnd(text, at)
    const end = valueEnd(text, skip(nameEnd))
    members.push({ name: JSON.parse(text.slice(at, nameEnd)), start: at, end })
    at = skip(end)
  }
  const index = members.findIndex(({ name }) => name === 'signature')
  const signature = members[index]
  if (!signature) return text
  const previous = members[index - 1]
  const next = members[index + 1]
  if (previous) return text.slice(0, previous.end) + text.slice(signature.end)
  return text.slice(0, signature.start) + text.slice(next ? next.start : signature.end)
}

const signatureNames = fc.constantFrom('"signature"', '"\\u0073ignature"', '"signatur\\u0065"')
const withSignature = fc
  .tuple(space, spelledMembers(spelledValue), spelledMembers(spelledString, signatureNames), fc.nat(5), space, space)
  .map(([before, members, signature, at, inner, after]) => {
    const others = members.filter(({ name }) => JSON.parse(name) !== 'signature')
    return before + writeObject(others.toSpliced(at, 0, ...signature.slice(0, 1)), inner) + after
  })

test('the signed text is the text as sent without its signature, wherever that stands and however it is spaced', () => {
  const seen = { none: 0, only: 0, first: 0, middle: 0, last: 0 }
  fc.assert(
    fc.property(withSignature, (text) => {
      const names = Object.keys(JSON.parse(text))
      const at = names.indexOf('signature')
      const only = names.length === 1 ? 'only' : 'first'
      seen[at < 0 ? 'none' : at === 0 ? only : at === names.length - 1 ? 'last' : 'middle']++
      assert.equal(withoutSignature(scanJson(text)), slowlyCut(text))
    }),
    { numRuns: 1_000 },
  )
  for (const [where, times] of Object.entries(seen)) assert.ok(times > 10, `${where}: ${times}`)
})

const cuts: readonly (readonly [where: string, text: string, signed: string])[] = [
  ['last', '{"a":1,"signature":"x"}', '{"a":1}'],
  ['last, spaced as Python does', '{"a": 1, "signature": "x"}', '{"a": 1}'],
  ['middle, pretty-printed', '{\n  "a": 1,\n  "signature": "x",\n  "z": 2\n}\n', '{\n  "a": 1,\n  "z": 2\n}\n'],
  ['white space before the comma goes too', '{"a":1 , "signature":"x" }', '{"a":1 }'],
  ['first', '{ "signature" : "x" , "a":1}', '{ "a":1}'],
  ['only', '{ "signature":"x" }', '{  }'],
  ['with an escaped name', '{"a":1,"sign\\u0061ture":"x"}', '{"a":1}'],
  ['with escapes in its value', '{"a":1,"signature":"x\\"\\/,\\u007d"}', '{"a":1}'],
  ['of another type', '{"a":1,"signature":[{"signature":"x"}],"b":2}', '{"a":1,"b":2}'],
  ['nested only: nothing is cut', '{"a":{"signature":"x"}}', '{"a":{"signature":"x"}}'],
  ['of another case: nothing is cut', '{"a":1,"Signature":"x"}', '{"a":1,"Signature":"x"}'],
]
for (const [where, text, signed] of cuts) {
  test(`the cut of a signature that stands ${where}`, () => {
    assert.equal(withoutSignature(scanJson(text)), signed)
    assert.equal(slowlyCut(text), signed)
  })
}
