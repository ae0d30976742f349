import { readFileSync } from 'node:fs'

/** What a gateway did to its database files, and whom it answered, in the order of a trace. */
export type Event =
  | { readonly what: 'write'; readonly file: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly what: 'truncate'; readonly file: string; readonly size: number }
  | { readonly what: 'remove'; readonly file: string }
  /** `begun` is the index of the event before which everything was written that it made durable. */
  | { readonly what: 'sync'; readonly file: string; readonly begun: number }
  | { readonly what: 'reply'; readonly ids: readonly string[] }

type Change = Extract<Event, { readonly what: 'write' | 'truncate' | 'remove' }>

export const calls = 'trace=pwrite64,ftruncate,fsync,fdatasync,unlink,write,writev,sendto,sendmsg'

const line = /^(\d+) +(\w+)\((.*)$/
const resumed = /^(\d+) +<\.\.\. (\w+) resumed>.*= 0$/
const onFile = /^\d+<([^>]*)>, ?(.*)$/
const hexText = /"((?:\\x[0-9a-f]{2})*)"/g

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll('\\x', ''), 'hex')

/** Reads a trace that strace wrote with `-f -y -xx -s 5000`. Only files whose path ends in one of `names` count. */
export function readTrace(path: string, names: readonly string[]): Event[] {
  const events: Event[] = []
  const syncing = new Map<string, { file: string; begun: number }>()
  const nameOf = (target: string) => names.find((name) => target.endsWith(`/${name}`))
  for (const text of readFileSync(path, 'latin1').split('\n')) {
    const [, thread = '', ended = ''] = resumed.exec(text) ?? []
    const waiting = ended.includes('sync') ? syncing.get(thread) : undefined
    if (waiting) {
      events.push({ what: 'sync', ...waiting })
      syncing.delete(thread)
      continue
    }
    const [, pid = '', call = '', rest = ''] = line.exec(text) ?? []
    if (call === 'unlink') {
      const [, hex = ''] = /"((?:\\x[0-9a-f]{2})*)"/.exec(rest) ?? []
      const file = nameOf(bytesOf(hex).toString())
      if (file && rest.endsWith('= 0')) events.push({ what: 'remove', file })
      continue
    }
    if (call.includes('sync')) {
      const [, target = ''] = /^\d+<([^>]*)>/.exec(rest) ?? []
      const file = nameOf(decoded(target))
      const sync = file && { file, begun: events.length }
      if (sync && rest.endsWith('= 0')) events.push({ what: 'sync', ...sync })
      else if (sync && rest.includes('unfinished')) syncing.set(pid, sync)
      continue
    }
    const [, target = '', args = ''] = onFile.exec(rest) ?? []
    const file = nameOf(decoded(target))
    if (file && call === 'pwrite64') {
      const [, hex = '', size, offset] = /^"((?:\\x[0-9a-f]{2})*)", (\d+), (\d+)/.exec(args) ?? []
      const bytes = bytesOf(hex)
      if (bytes.length !== Number(size))
        throw new Error(`a write was recorded in part: ${bytes.length} of ${size} bytes`)
      events.push({ what: 'write', file, offset: Number(offset), bytes })
    } else if (file && call === 'ftruncate') {
      events.push({ what: 'truncate', file, size: Number(/^(\d+)/.exec(args)?.[1]) })
    } else if (decoded(target).startsWith('socket:')) {
      const sent = [...args.matchAll(hexText)].map(([, hex = '']) => bytesOf(hex).toString('latin1')).join('')
      const ids = /"code":3011,/.test(sent) ? [...sent.matchAll(/"id":"([^"]+)"/g)].map(([, id = '']) => id) : []
      if (ids.length > 0) events.push({ what: 'reply', ids })
    }
  }
  return events
}

/** With `-xx` paths are hexadecimal as well. */
const decoded = (target: string): string => (target.startsWith('\\x') ? bytesOf(target).toString() : target)

/** How a disk may lose what was not synced: all of it, none, or some, torn at a sector. */
export type Loss = 'all' | 'none' | 'some'

const sector = 512

/** The files as they lie on a disk whose power went before the event of an index; absent ones were not there. */
export class Disk {
  private readonly durable = new Map<string, Image>()
  private pending: { readonly index: number; readonly event: Change }[] = []

  constructor(files: ReadonlyMap<string, Buffer>) {
    for (const [name, bytes] of files) this.durable.set(name, new Image(bytes))
  }

  /** Goes on by one event of the trace. */
  step(event: Event, index: number): void {
    if (event.what === 'reply') return
    if (event.what !== 'sync') {
      this.pending.push({ index, event })
      return
    }
    const left: typeof this.pending = []
    for (const one of this.pending) {
      if (one.event.file === event.file && one.index < event.begun) this.image(event.file).apply(one.event)
      else left.push(one)
    }
    this.pending = left
  }

  /** `random` gives numbers from 0 to 1. */
  after(loss: Loss, random: () => number): Map<string, Buffer> {
    const files = new Map([...this.durable].map(([name, image]) => [name, new Image(image.bytes())]))
    for (const { event } of loss === 'all' ? [] : this.pending) {
      const kept = loss === 'none' ? event : torn(event, random)
      const image = files.get(event.file) ?? new Image()
      files.set(event.file, image)
      if (kept) image.apply(kept)
    }
    return new Map([...files].filter(([, { there }]) => there).map(([name, image]) => [name, image.bytes()]))
  }

  private image(name: string): Image {
    const image = this.durable.get(name) ?? new Image()
    this.durable.set(name, image)
    return image
  }
}

/** What of an unsynced change may be on disk: nothing, all, or some sectors. */
function torn(event: Change, random: () => number): Change | undefined {
  const chance = random()
  if (chance < 0.4) return undefined
  if (event.what !== 'write' || chance < 0.7 || event.bytes.length <= sector) return event
  const length = sector * Math.floor((random() * event.bytes.length) / sector)
  return { ...event, bytes: event.bytes.subarray(0, length) }
}

/** The bytes of one file. */
class Image {
  private buffer: Buffer
  private size: number
  there: boolean

  constructor(bytes?: Buffer) {
    this.buffer = Buffer.from(bytes ?? '')
    this.size = this.buffer.length
    this.there = bytes !== undefined
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.size)
  }

  apply(event: Change): void {
    this.there = event.what !== 'remove'
    if (event.what === 'remove') this.resize(0)
    else if (event.what === 'truncate') this.resize(event.size)
    else {
      this.resize(Math.max(this.size, event.offset + event.bytes.length))
      event.bytes.copy(this.buffer, event.offset)
    }
  }

  private resize(size: number): void {
    if (size > this.buffer.length) {
      const grown = Buffer.alloc(size * 2)
      this.bytes().copy(grown)
      this.buffer = grown
    }
    if (size < this.size) this.buffer.fill(0, size, this.size)
    this.size = size
  }
}
