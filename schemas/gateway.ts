import { Cdn } from './accounts.js'
import { idempotencyKeyPattern } from './envelope.js'
import { shownPermissions } from './keys.js'
import { Closed, Int, mostPages, mostRows, Paging, Text, Type } from './types.js'

export const Pong = Closed({ pong: Type.Boolean() })

export const You = Closed({
  cdn: Type.Integer(),
  principal: Closed({ id: Type.String(), kind: Type.String() }),
  permissions: shownPermissions,
  key_id: Type.Union([Type.String(), Type.Null()]),
  address: Type.String(),
})

export const AskCommands = Closed({
  name: Type.Optional(Text(128, 'only this command')),
  page: Type.Optional(Int(1, mostPages, 'which page, from 1; without page and pagesize all of them')),
  pagesize: Type.Optional(Int(1, mostRows, 'rows a page, 50 unless given')),
})

/** Commands that a gateway can have, an operator's own included. */
export const mostCommands = 1_000
/** Codes that one of them can have. */
export const mostCodes = 1_000
export const Commands = Closed({
  commands: Type.Array(
    Closed({
      name: Type.String(),
      summary: Type.String(),
      permission: Type.Union([Type.String(), Type.Null()]),
      params: Type.Unsafe<object>({ type: 'object' }),
      result: Type.Unsafe<object>({ type: 'object' }),
      codes: Type.Array(Closed({ name: Type.String(), code: Type.Integer(), message: Type.String() }), {
        maxItems: mostCodes,
      }),
      example: Type.Optional(
        Closed(
          {
            params: Type.Unsafe<object>({ type: 'object' }),
            after: Type.Optional(
              Type.Array(Type.String(), {
                maxItems: mostCommands,
                description: 'commands whose examples make what it needs',
              }),
            ),
          },
          { description: 'a call that answers "done"' },
        ),
      ),
    }),
    { maxItems: mostCommands },
  ),
  paging: Paging,
})

export const AskRequestStatus = Closed(
  {
    of_idempotency_key: Type.Optional(
      Type.String({ pattern: idempotencyKeyPattern, description: 'the idempotency_key of a request of yours' }),
    ),
    of_request_id: Type.Optional(Text(64, 'the request_id of a reply to you')),
    void: Type.Optional(
      Type.Boolean({
        description: 'mark an unseen key so that nothing can ever run under it; with of_idempotency_key',
      }),
    ),
  },
  {
    oneOf: [{ required: ['of_idempotency_key'] }, { required: ['of_request_id'] }],
    not: { required: ['of_request_id', 'void'] },
  },
)
export const RequestStatus = Closed({
  state: Type.Enum(['unseen', 'running', 'done', 'void', 'unknown']),
  outcome: Type.Optional(
    Closed({
      cmd: Type.String(),
      code: Type.Integer(),
      status: Type.String(),
      message: Type.String(),
      request_id: Type.String(),
      result: Type.Optional(Type.Unsafe<object>({ type: 'object' })),
    }),
  ),
})

export const ImportKey = Closed({
  key: Type.String({
    minLength: 1,
    maxLength: 128,
    // What created_by says where no key was the maker must be no key's id.
    pattern: '^(?!ck_|cs_|(?:local|user|owner|subowner):|init$)[\\u0021-\\u007e]+$',
    description: 'the vendor’s public key id; ids that begin with ck_ are made here, not imported',
  }),
  secret: Type.String({ minLength: 24, maxLength: 1024, description: 'the vendor’s secret, used as its UTF-8 text' }),
  account: Cdn,
})
export const ImportedKey = Closed({ key_id: Type.String(), account: Type.Integer() })
