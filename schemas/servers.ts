import { Closed, Name, Page, Paging, pages, Text, Type } from './types.js'

export const ServerId = Name(128, 'id of the media server')

export const SetServer = Closed({
  id: ServerId,
  name: Name(128, 'name of the media server, for people'),
  host: Type.Optional(Text(255, 'where it is reached')),
})
export const MediaServer = Closed({ id: Type.String(), name: Type.String(), host: Type.String() })
export const SavedServer = Closed({ id: Type.String(), created: Type.Boolean() })
export const ServerRef = Closed({ id: ServerId })
export const ListServers = Closed(pages)
export const ListedServers = Closed({ servers: Page(MediaServer), paging: Paging })
