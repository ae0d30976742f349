import fc from 'fast-check'

/** Texts that some parser somewhere reads in its own way. */
const pieces = [
  ...['"', '\\', '{', '}', '[', ']', ',', ':', '\\u0000', '\\ud800', '"cmd":"ping",', '"__proto__":{},', '1e999'],
  ...[
    '&',
    '=',
    '%00',
    '%',
    '%zz',
    '+',
    'json=',
    'msg=',
    'sig=',
    '&device_name=x',
    '--part',
    '\r\n',
    '\n',
    '\0',
    '\ufeff',
    '\u2028',
  ],
  ...['../', '//', '%2f', '%2e%2e', 'api2/', ';charset=utf-16', ';boundary=', 'A'.repeat(300), '[['.repeat(200), 'é'],
]

/** A share of the whole; fc.double would be next to 0 nearly always. */
const spot = fc.integer({ min: 0, max: 10_000 }).map((parts) => parts / 10_000)
const at = (bytes: Buffer, share: number) => Math.floor(share * bytes.length)

/** Something that happens to bytes on their way. */
type Mutation = (bytes: Buffer) => Buffer

const members = ['"dry_run":true', '"idempotency_key":"00000000"', '"id":"other"', '"cdn":1', '"x":{}']

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(fc.boolean(), fc.constantFrom(...members)).map(([first, member]): Mutation => {
    return (bytes) => {
      const text = bytes.toString('latin1')
      return Buffer.from(
        first ? text.replace('{', `{${member},`) : text.replace(/\}(?=[^}]*$)/, `,${member}}`),
        'latin1',
      )
    }
  }),
  fc.tuple(spot, fc.integer({ min: 1, max: 255 })).map(([share, bits]): Mutation => {
    return (bytes) => {
      const copy = Buffer.from(bytes)
      const place = Math.min(at(bytes, share), bytes.length - 1)
      if (place >= 0) copy[place] = (copy[place] ?? 0) ^ bits
      return copy
    }
  }),
  fc.tuple(spot, spot).map(([from, to]): Mutation => {
    return (bytes) => Buffer.concat([bytes.subarray(0, at(bytes, from)), bytes.subarray(at(bytes, to))])
  }),
  fc.tuple(spot, fc.constantFrom(...pieces)).map(([share, piece]): Mutation => {
    return (bytes) =>
      Buffer.concat([bytes.subarray(0, at(bytes, share)), Buffer.from(piece), bytes.subarray(at(bytes, share))])
  }),
  spot.map(
    (share): Mutation =>
      (bytes) =>
        bytes.subarray(0, at(bytes, share)),
  ),
  fc.uint8Array({ maxLength: 40 }).map(
    (noise): Mutation =>
      (bytes) =>
        Buffer.concat([bytes, noise]),
  ),
)

/** One to four things that happen to bytes. */
export const mutations: fc.Arbitrary<Mutation> = fc
  .array(mutation, { minLength: 1, maxLength: 4 })
  .map((all) => (bytes) => all.reduce((changed, change) => change(changed), bytes))

/** The same for a text, such as a header or a path. */
export const mutatedText = (text: string): fc.Arbitrary<string> =>
  mutations.map((change) => change(Buffer.from(text)).toString('latin1'))
