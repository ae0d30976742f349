import { Cdn } from './accounts.js'
import { idempotencyKeyPattern } from './envelope.js'
import { Closed, Text, Type } from './types.js'

export const Pong = Closed({ pong: Type.Boolean() })

export const You = Closed({
  cdn: Type.Integer(),
  principal: Closed({ id: Type.String(), kind: Type.String() }),
  permissions: Type.Array(Type.String()),
  key_id: Type.Union([Type.String(), Type.Null()]),
  address: Type.String(),
})

export const AskCommands = Closed({ name: Type.Optional(Text(128, 'only this command')) })
export const Commands = Closed({
  commands: Type.Array(
    Closed({
      name: Type.String(),
      summary: Type.String(),
      permission: Type.Union([Type.String(), Type.Null()]),
      params: Type.Unsafe<object>({ type: 'object' }),
      result: Type.Unsafe<object>({ type: 'object' }),
      codes: Type.Array(Closed({ name: Type.String(), code: Type.Integer(), message: Type.String() })),
      example: Type.Optional(
        Closed(
          {
            params: Type.Unsafe<object>({ type: 'object' }),
            after: Type.Optional(
              Type.Array(Type.String(), { description: 'commands whose examples make what it needs' }),
            ),
          },
          { description: 'a call that answers "done"' },
        ),
      ),
    }),
  ),
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
