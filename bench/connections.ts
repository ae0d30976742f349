import { connect, type Socket } from 'node:net'
import { sender } from './batches.js'
import { type Running, users } from './contenders.js'
import { toggles } from './durability.js'
import { compared } from './floors.js'
import { doubts, figure, kept, takeTurns } from './rounds.js'
import type { Bench, Section } from './section.js'

const few = 64
const many = 1_000

/** Half of many connections idle, the others write: beside few that all write. */
export const connections: Section = {
  name: 'connections',
  about: `writes over ${many} keep-alive connections, half of them idle, beside ${few}`,
  usual: true,
  async run(bench) {
    const entrants = [
      await writer(`${few} connections`, few, bench),
      await writer(`${many} connections, half idle`, many / 2, bench),
    ]
    const [base, crowded] = entrants
    const idle = crowded ? await openIdle(crowded.running, many / 2) : []
    await takeTurns(entrants, bench)
    const lost = idle.filter(({ destroyed, readyState }) => destroyed || readyState !== 'open').length
    for (const socket of idle) socket.destroy()
    for (const { running } of entrants) await running.stop()
    return {
      title: 'Writes by connections',
      figures: entrants.map(figure),
      comparisons: [compared(crowded, base, 'rate', { must: 0.9, reach: 1 })],
      notes: [
        `${lost} of ${idle.length} idle connections were closed meanwhile`,
        ...entrants.flatMap(doubts),
        ...entrants.map(kept),
      ],
    }
  },
}

const writer = (label: string, count: number, bench: Bench) =>
  sender(`writes: ${label}`, { ...toggles(users), connections: count }, bench)

/** Connections that were used once, as those of clients who come again later. */
function openIdle({ port }: Running, count: number): Promise<Socket[]> {
  const open = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('error', reject)
      socket.once('data', () => {
        socket.off('error', reject).on('error', () => undefined)
        resolve(socket)
      })
      socket.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    })
  return Promise.all(Array.from({ length: count }, open))
}
