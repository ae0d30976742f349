import type { Static, TSchema } from 'typebox'
import { Type } from './typebox.js'

export { type Static, type TSchema, Type }

/** An object that takes exactly these members; `command()` refuses any other kind of object. */
export const Closed = <P extends Record<string, TSchema>>(properties: P, options: object = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options })

/** A value shown at creation and later only to holders of `secrets:read`; otherwise `null`. */
export const Secret = (description: string) => Type.Union([Type.String(), Type.Null()], { secret: true, description })

/** Ids, logins, names: no control characters, no white space at the edges, compared by code point (protocol §2). */
export const Name = (maxLength: number, description: string) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: '^(?!\\s)[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*(?<!\\s)$',
    description,
  })

/** Free text for people. */
export const Text = (maxLength: number, description: string) => Type.String({ maxLength, description })

export const Int = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description })

/** Unix seconds. */
export const Moment = (description: string) => Int(0, 253_402_300_799, `${description} (Unix seconds)`)

export const Nothing = Closed({})

export const mostPages = 1_000_000
/** Rows of a page. */
export const mostRows = 50

export const pages = {
  page: Type.Integer({ minimum: 1, maximum: mostPages, default: 1, description: 'which page, from 1' }),
  pagesize: Type.Integer({ minimum: 1, maximum: mostRows, default: mostRows, description: 'rows a page' }),
}

/** A page of a list, as a result tells it. */
export const Page = <T extends TSchema>(row: T, description?: string) =>
  Type.Array(row, { maxItems: mostRows, ...(description !== undefined && { description }) })

export const Paging = Closed({ page: Type.Integer(), pagesize: Type.Integer(), total: Type.Integer() })
