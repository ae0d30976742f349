import { createHmac } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { Credentials } from '../../../clients/typescript/index.js'

/** An HTTP request to the gateway's endpoint, as bytes. */
export function request(body: string | Buffer, lines: readonly string[] = []): Buffer {
  const head = ['POST /control HTTP/1.1', 'Host: 127.0.0.1', ...lines, `Content-Length: ${Buffer.byteLength(body)}`]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(body)])
}

/** A signed command as bytes. Without `key` it has no idempotency key. */
export function command(by: Credentials, cmd: string, params: object, key?: string, more: object = {}): Buffer {
  const identity = key === undefined ? {} : { idempotency_key: key }
  const timestamp = Math.floor(Date.now() / 1000)
  const text = JSON.stringify({ cmd, ...params, api_key: by.apiKey, timestamp, ...identity, ...more })
  const mac = createHmac('sha256', by.secret).update(text).digest('base64')
  return request(`${text.slice(0, -1)},"signature":"${mac}"}`)
}

/** Counts the replies in what a connection brings, and their HTTP statuses. */
export class ReplyCounter {
  private rest = ''

  /** `chunk` decoded as latin1. Calls `onReply` with the status of each reply that begins in it. */
  read(chunk: string, onReply: (status: number) => void): void {
    const text = this.rest + chunk
    let at = text.indexOf(start)
    let end = 0
    for (; at >= 0 && text.length >= at + start.length + 3; at = text.indexOf(start, end)) {
      end = at + start.length + 3
      onReply(Number(text.slice(at + start.length, end)))
    }
    this.rest = at >= 0 ? text.slice(at) : text.slice(Math.max(end, text.length - start.length + 1))
  }
}

const start = 'HTTP/1.1 '

export const open = (port: number): Socket => connect({ port, host: '127.0.0.1', noDelay: true })
