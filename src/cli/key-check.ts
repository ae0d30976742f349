import { isGeneratedId, isGeneratedSecret, isGeneratedToken } from '../generate.js'

/** Whether a text is a whole id or secret of ours, and what it is; the text itself is not repeated. */
export function checkText(text: string): { ours: boolean; what: string } {
  if (isGeneratedSecret(text)) {
    return {
      ours: true,
      what: 'a secret of Countersign, whole: its checksum is right. Where it leaked, rotate its key',
    }
  }
  if (isGeneratedToken(text)) {
    return {
      ours: true,
      what: 'an access token of Countersign, whole: its checksum is right. Where it leaked, revoke it',
    }
  }
  if (isGeneratedId(text)) return { ours: true, what: 'a public id of Countersign, whole (ids carry no checksum)' }
  return { ours: false, what: fault(text) }
}

function fault(text: string): string {
  if (text === '') return 'nothing: give the text on stdin or with --file'
  const bare = text.replace(/^[\s"']+|[\s"',;]+$/g, '')
  if (bare !== text && checkText(bare).ours) {
    return 'an id or a secret of Countersign, with white space or quotes around it: take them off'
  }
  if (/^c[st]_/.test(text)) {
    const kind = text.startsWith('cs_') ? 'a secret' : 'an access token'
    return text.length === secretLength
      ? `looks like ${kind} of Countersign, but its checksum is wrong: it was mistyped or made up`
      : `looks like ${kind} of Countersign, but has ${text.length} characters instead of ${secretLength}`
  }
  if (text.startsWith('ck_')) return 'looks like a public id of Countersign, but is not spelled like one'
  return 'no id and no secret that Countersign made'
}

const secretLength = 52
