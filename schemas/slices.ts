import { ServerId } from './servers.js'
import { Closed, Name, Page, Paging, pages, Type } from './types.js'
import { Login } from './users.js'

export const SliceId = Name(128, 'id of the data slice')

const globs = (what: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      minItems: 1,
      maxItems: 64,
      description: `${what}, as globs: * is any run of characters; every one unless given`,
    }),
  )

const Match = Closed({ servers: globs('ids of servers'), apps: globs('applications'), streams: globs('streams') })

export const SetSlice = Closed({ id: SliceId, name: Name(128, 'name of the slice, for people'), match: Match })
export const SavedSlice = Closed({ id: Type.String(), created: Type.Boolean() })
export const SliceRef = Closed({ id: SliceId })
export const ListSlices = Closed(pages)
export const ListedSlices = Closed({
  slices: Page(Closed({ id: Type.String(), name: Type.String(), match: Match })),
  paging: Paging,
})

const mostAssigned = 256
const assigned = (inner: typeof SliceId, description: string) =>
  Type.Array(inner, { maxItems: mostAssigned, description })

export const AssignSlices = Closed(
  {
    user: Login,
    slices: Type.Optional(assigned(SliceId, 'ids of slices, which add up; empty is no limit to slices')),
    servers: Type.Optional(assigned(ServerId, 'ids of servers, which restrict; empty is no limit to servers')),
  },
  { minProperties: 2 },
)
export const AssignedSlices = Closed({
  user: Type.String(),
  slices: Type.Array(Type.String(), { maxItems: mostAssigned }),
  servers: Type.Array(Type.String(), { maxItems: mostAssigned }),
})
