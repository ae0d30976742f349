import { Closed, Int, Name, Paging, pages, Secret, Type } from './types.js'

const id = Name(128, 'id of the subowner')
const password = Type.String({ minLength: 1, maxLength: 1024, description: 'kept as a scrypt hash' })
const mostGiven = 16
const permissions = Type.Array(Type.Enum(['slice', 'api']), {
  maxItems: mostGiven,
  description: 'api: everything; slice, or nothing: no command of this gateway',
})
const grace = Int(
  0,
  31_536_000,
  'with newkey: seconds that the old key goes on working, 3600 unless given; 0 ends it now',
)

/** Keys of a subowner whose secrets are told; a key has two while its old one goes on working. */
export const mostKeysShown = 50

/** A login with its signing secret (vendor: subowners/get). */
export const Subowner = Closed({
  username: Type.String(),
  permissions: Type.Array(Type.String(), { maxItems: mostGiven }),
  key_id: Type.String({ description: 'public id of the key: the api_key of a native message' }),
  api_key: Secret('the signing secret'),
  all_api_keys: Type.Union(
    [
      Type.Record(Type.String(), Closed({ enabled: Type.Boolean() }), { maxProperties: 2 * mostKeysShown }),
      Type.Null(),
    ],
    {
      secret: true,
      description:
        'the signing secrets of its key and of its newest keys, 50 keys in all, and whether each still works',
    },
  ),
  id,
})

export const CreateSubowner = Closed({
  username: Type.String({
    minLength: 1,
    maxLength: 128,
    pattern: '^(?!\\s)[^@\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*(?<!\\s)$',
    description: 'login, by convention prefix.word; no e-mail address',
  }),
  password,
  permissions: Type.Optional(permissions),
})

export const SubownerRef = Closed({ id })
export const ListSubowners = Closed({
  ...pages,
  all: Type.Optional(
    Type.Boolean({ description: 'true: every one in one reply, without pages; 1414 where they are too many for that' }),
  ),
})
/** No more fit into a reply: each takes 145 bytes at least. */
const mostOfAll = 15_000
export const ListedSubowners = Closed({
  subowners: Type.Array(Subowner, {
    maxItems: mostOfAll,
    description: 'at most 50; with all, as many as fit into a reply',
  }),
  paging: Type.Optional(Paging),
})

export const UpdateSubowner = Closed(
  {
    id,
    password: Type.Optional(password),
    permissions: Type.Optional(permissions),
    newkey: Type.Optional(Int(0, 1, '1 makes a new signing secret')),
    grace: Type.Optional(grace),
  },
  { minProperties: 2, dependencies: { grace: ['newkey'] } },
)

export const DeletedSubowner = Closed({ msg: Type.String() })
