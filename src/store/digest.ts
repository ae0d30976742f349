import { hash } from 'node:crypto'

const digestLength = 22

/**
 * The first 132 bits of a SHA-256, in base64url: what is indexed in place of a text that may be long. Digests are in no order, so
 * each row dirties a page of its own of their index: the shorter they are, the fewer pages there are.
 */
export const digestOf = (text: string): string => hash('sha256', text, 'base64url').slice(0, digestLength)

/** Of the user of a stream, empty for anybody. */
export const publisherDigest = (publisher: string): string => digestOf(publisher)

/** Of what tells the samples of one server at one moment apart. */
export const sourceDigest = ({ app, stream, id }: { app: string; stream: string; id: string }): string =>
  digestOf(JSON.stringify([app, stream, id]))
