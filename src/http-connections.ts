import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { foldAddress, limitedBy } from './address.js'
import { markOf } from './http-marks.js'

/** The connections that are open. */
export interface Connections {
  readonly sockets: ReadonlySet<Socket>
}

/**
 * Keeps at most `most` connections: the next one takes the place of one that waits for no answer, the oldest of the address
 * that has most. So whoever opens thousands and says nothing keeps nobody else out.
 */
export function connectionsOf(server: Server, most: number): Connections {
  const sockets = new Set<Socket>()
  const bySource = new Map<string, Set<Socket>>()
  server.on('connection', (socket) => {
    const source = limitedBy(foldAddress(socket.remoteAddress ?? ''))
    const own = bySource.get(source) ?? new Set()
    bySource.set(source, own.add(socket))
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      own.delete(socket)
      if (own.size === 0 && bySource.get(source) === own) bySource.delete(source)
    })
    if (sockets.size > most) makeRoom(bySource, socket)
  })
  return { sockets }
}

function makeRoom(bySource: ReadonlyMap<string, ReadonlySet<Socket>>, newcomer: Socket): void {
  let crowd: ReadonlySet<Socket> = new Set()
  for (const own of bySource.values()) if (own.size > crowd.size) crowd = own
  for (const socket of crowd) {
    if (socket.destroyed || waits(socket)) continue
    socket.destroy()
    return
  }
  newcomer.destroy()
}

/** Whether a whole request of a connection is not answered yet. */
function waits(socket: Socket): boolean {
  const response = markOf(socket).newest
  return response?.req.complete === true && !response.writableEnded
}
