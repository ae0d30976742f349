import { Closed, Int, Name, Page, Paging, pages, Text, Type } from './types.js'

const app = Name(255, 'application')
const stream = Name(255, 'stream; * is every stream of the application')
const user = Type.Union([Name(255, 'who publishes'), Type.Null()], { description: 'who publishes; null is anybody' })

/** The vendor's recording settings: kept and returned, not interpreted. */
const recording = {
  record: Type.Optional(Type.Boolean()),
  record_type: Type.Optional(Text(64, 'such as stream')),
  segment_type: Type.Optional(Text(64, 'size, schedule or duration')),
  segment_value: Type.Optional(
    Type.Union([Text(64, 'as the vendor spells it'), Int(0, 2 ** 53 - 1, 'bytes or seconds')]),
  ),
  save_folder: Type.Optional(Text(1024, 'folder of the recordings')),
  playlist_count: Type.Optional(Int(0, 1_000_000, 'entries of the playlist')),
  playlist_timeout: Type.Optional(Int(0, 1_000_000_000, 'seconds')),
  enable_dvr: Type.Optional(Type.Boolean()),
  ga_key: Type.Optional(Text(256, 'analytics key')),
}

const id = Int(1, 2 ** 53 - 1, 'id of the stream user, per account, never used again')

export const AddStreamUser = Closed({
  app,
  stream,
  user,
  pass: Type.Optional(
    Type.Union([Type.String({ minLength: 1, maxLength: 1024 }), Type.Null()], {
      description: 'kept as a scrypt hash; null is no password',
    }),
  ),
  ...recording,
})
export const AddedStreamUser = Closed({ streamuser_id: id })

export const ListStreamUsers = Closed({ app: Type.Optional(app), stream: Type.Optional(stream), ...pages })
export const StreamUser = Closed({ streamuser_id: id, app, stream, user, created_at: Type.Integer(), ...recording })
export const ListedStreamUsers = Closed({ data: Page(StreamUser), paging: Paging })

/** By id, or by application, stream and user; what is given must agree (seed: sevu.removestreamuser). */
export const RemoveStreamUser = Closed(
  {
    streamuser_id: Type.Optional(id),
    app: Type.Optional(app),
    stream: Type.Optional(stream),
    user: Type.Optional(user),
  },
  { anyOf: [{ required: ['streamuser_id'] }, { required: ['app', 'stream', 'user'] }] },
)
