import { Closed, Int, Moment, Name, Page, Paging, pages, Secret, type Static, Text, Type } from './types.js'

export const Login = Name(128, 'login of the panel user')

export const UserRef = Closed({ id: Login })

const type = Int(
  0,
  3,
  '1 administrator (may do everything), 2 observer (may read), 3 regular user; 0 counts as not given',
)

export const User = Closed({
  id: Login,
  enable: Type.Boolean(),
  type: Int(1, 3, '1 administrator, 2 observer, 3 regular user'),
  comment: Type.String(),
  token: Secret('token of playback requests'),
  ip: Type.String(),
  expire: Moment('when access ends; 0 is never'),
  conlimit: Type.Integer({ description: 'connections at once; 0 is unlimited' }),
  created_at: Moment('when it was made'),
  updated_at: Moment('when it was last changed'),
})

export const ListedUser = Type.Omit(User, ['token'], { additionalProperties: false })

/** What may be given of a user; `conlimit` has two spellings in the vendor's own documentation. */
export const UserChange = Closed(
  {
    enable: Type.Optional(Type.Boolean()),
    type: Type.Optional(type),
    password: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, description: 'kept as a scrypt hash' })),
    comment: Type.Optional(Text(1024, 'for people')),
    token: Type.Optional(Text(256, 'token of playback requests; empty removes it')),
    ip: Type.Optional(Text(1024, 'addresses that may play')),
    expire: Type.Optional(Moment('when access ends; 0 is never')),
    conlimit: Type.Optional(Int(0, 1_000_000_000, 'connections at once; 0 is unlimited')),
    connlimit: Type.Optional(Int(0, 1_000_000_000, 'the same as conlimit')),
    remove: Type.Optional(Type.Boolean({ description: 'true, alone, removes the user' })),
  },
  {
    minProperties: 1,
    allOf: [
      { not: { required: ['conlimit', 'connlimit'] } },
      {
        if: { properties: { remove: { const: true } }, required: ['remove'] },
        // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
        then: { maxProperties: 1 },
      },
    ],
  },
)
export type UserChange = Static<typeof UserChange>

export const SetUser = Closed({ id: Login, user: UserChange })
export const SavedUser = Closed({ id: Login, created: Type.Boolean() })
export const RemovedUser = Closed({ id: Login })
export const ToggledUser = Closed({ id: Login, enable: Type.Boolean() })

export const ListUsers = Closed({
  ...pages,
  type: Type.Optional(Int(1, 3, 'only this type')),
  enable: Type.Optional(Type.Boolean({ description: 'only the enabled, or only the disabled' })),
  q: Type.Optional(Text(128, 'part of the login or of the comment')),
})
export const ListedUsers = Closed({ users: Page(ListedUser), paging: Paging })
