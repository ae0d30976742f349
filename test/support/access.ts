import type { Credentials } from '../../clients/typescript/index.js'
import type { CommandInstance } from './commands.js'

/** Makes a panel user, and turns its API access on; what it signs with. */
export async function userWithAccess(gateway: CommandInstance, id: string, user: object): Promise<Credentials> {
  const saved = await gateway.run('set-user', { id, user })
  const { code, result } = await gateway.run('api-access/enable', { id })
  if (saved.code !== 3011 || code !== 6011) throw new Error(`${id} was not made: ${saved.code}, ${code}`)
  return { apiKey: result.api_id, secret: result.secret }
}

/** Makes a server and a slice of account 1. */
export async function makeParts(gateway: CommandInstance): Promise<void> {
  await gateway.run('servers/set', { id: 'edge-1', name: 'Edge 1', host: 'edge-1.example.org' })
  await gateway.run('servers/set', { id: 'edge-2', name: 'Edge 2' })
  await gateway.run('slices/set', { id: 'sports', name: 'Sports', match: { streams: ['sports-*'] } })
  await gateway.run('slices/set', { id: 'news', name: 'News', match: { apps: ['news'] } })
}

/** A sample of ten connections, with what is said otherwise. */
export const sampleOf = (given: { readonly time: number; readonly [member: string]: unknown }) => ({
  app: 'live',
  stream: 'sports-1',
  connections: 10,
  bytes_in: 100,
  bytes_out: 1_000,
  ...given,
})
