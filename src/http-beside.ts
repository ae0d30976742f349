import { createHash } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Bodies } from './http-bodies.js'
import { markOf } from './http-marks.js'
import { type HttpParts, pathOf, refuseAt } from './http-parts.js'
import { answerOrCut, closeUnread, isWhole, refuseAndClose, sendBytes } from './http-replies.js'
import { sourceOf } from './load.js'
import { Refusal } from './refusal.js'

/** What is served beside the endpoint, its bytes prepared: health, the description of the API and the page of its commands. */
interface Page {
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** Where a copy may be kept, as long as it is asked whether it is still good. */
  readonly tag?: string
}

type Header = readonly [name: string, value: string]

const json: Header = ['Content-Type', 'application/json; charset=utf-8']
const noSniff: Header = ['X-Content-Type-Options', 'nosniff']
const nothing = Buffer.alloc(0)
const nothingHere = { message: 'Nothing is served here: POST signed commands to /control' }

/** Answers all paths beside the endpoint. What it serves counts as under way as a command does. */
export function besideListener(
  parts: HttpParts,
  bodies: Bodies,
  addressOf: (req: IncomingMessage) => string,
): RequestListener {
  const pages = pagesOf(parts)
  const readiness = { true: state('ready'), false: state('not ready') }
  async function answerReady(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const ready = await parts.load.aside(undefined, parts.ready)
    // Broken HTTP behind the request has been answered meanwhile, and that answer was the last.
    if (!res.headersSent) answerPage(req, res, readiness[`${ready}`], ready ? 200 : 503)
  }
  function serve(req: IncomingMessage, res: ServerResponse): void {
    const path = pathOf(req.url ?? '')
    const asked = req.method === 'GET' || req.method === 'HEAD'
    const page = asked ? pages.get(path) : undefined
    if (page) answerPage(req, res, page())
    else if (asked && path === '/readyz') {
      answerReady(req, res).catch((error: unknown) => fail(req, res, error))
    } else refuseAndClose(req, res, parts.refuse('UNKNOWN_COMMAND', nothingHere), false)
  }
  function fail(req: IncomingMessage, res: ServerResponse, error: unknown): void {
    if (!(error instanceof Refusal)) parts.onUnexpected(error)
    answerOrCut(req, res, () => refuseAt(req, parts, error instanceof Refusal ? error.code : 'INTERNAL'))
  }
  return (req, res) => {
    const address = addressOf(req)
    const source = sourceOf(markOf(req.socket).proved, address)
    const whole = { req, res, body: nothing, address, source, connection: req.socket }
    // A body is not waited for, and not read.
    const unread = !isWhole(req)
    const answer = () => {
      if (unread) closeUnread(req, res)
      try {
        serve(req, res)
      } catch (error) {
        fail(req, res, error)
      }
    }
    bodies.arrived({ ...whole, answer })
  }
}

/** Each page is made when it is asked for first, and once. */
function pagesOf({ openapi, docs }: HttpParts): ReadonlyMap<string, () => Page> {
  const pages = new Map([
    ['/healthz', once(() => state('ok'))],
    ['/openapi.json', once(() => kept([json], openapi()))],
  ])
  if (!docs) return pages
  const shown = () => {
    const { html, policy } = docs()
    const type: Header = ['Content-Type', 'text/html; charset=utf-8']
    return kept([type, ['Content-Security-Policy', policy], ['Referrer-Policy', 'no-referrer']], html)
  }
  return pages.set('/docs', once(shown))
}

const state = (status: string): Page => ({
  headers: [json, ['Cache-Control', 'no-store'], noSniff],
  body: Buffer.from(JSON.stringify({ status })),
})

function kept(headers: readonly Header[], text: string): Page {
  const body = Buffer.from(text)
  const tag = `"${createHash('sha256').update(body).digest('base64url')}"`
  return { headers: [...headers, ['Cache-Control', 'no-cache'], noSniff, ['ETag', tag]], body, tag }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

function answerPage(req: IncomingMessage, res: ServerResponse, { headers, body, tag }: Page, status = 200): void {
  const copy = tag !== undefined && req.headers['if-none-match']?.includes(tag)
  if (copy) sendBytes(res, 304, headers, undefined)
  else sendBytes(res, status, headers, body)
}
