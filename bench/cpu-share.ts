import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const period = 20_000

/** Control groups of the system that ration processor time: of version 1 or 2. */
const places = [
  {
    root: '/sys/fs/cgroup/cpu',
    files: (quota: number) => ({ 'cpu.cfs_period_us': period, 'cpu.cfs_quota_us': quota }),
  },
  { root: '/sys/fs/cgroup', files: (quota: number) => ({ 'cpu.max': `${quota} ${period}` }) },
]

/**
 * Holds a process to a share of one core, as a slower machine would. What it answers takes the group away, once the process
 * has ended. Throws where the system does not let us: it takes root, and control groups.
 */
export function holdTo(share: number, pid: number): () => void {
  const [one, two] = places
  const place = one && existsSync(join(one.root, 'cpu.cfs_quota_us')) ? one : two
  if (!place) throw new Error('no control groups')
  const group = join(place.root, `countersign-bench-${pid}`)
  mkdirSync(group)
  for (const [name, value] of Object.entries(place.files(Math.round(share * period)))) {
    writeFileSync(join(group, name), String(value))
  }
  writeFileSync(join(group, 'cgroup.procs'), String(pid))
  return () => rmdirSync(group)
}
