import type { Pace } from './store/pace.js'

/** Values that the engine sorts at once, and steps of a merge between two looks at the clock. */
const atOnce = 500

/** The same values in order, a turn of the event loop after the other. */
export async function sorted<T extends object>(
  values: readonly T[],
  compare: (a: T, b: T) => number,
  pace: Pace,
): Promise<T[]> {
  let runs: T[][] = []
  for (let from = 0; from < values.length; from += atOnce) {
    runs.push(values.slice(from, from + atOnce).sort(compare))
    if (pace.isDue()) await pace.rest()
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let index = 0; index < runs.length; index += 2) {
      merged.push(await mergedRuns(runs[index] ?? [], runs[index + 1] ?? [], compare, pace))
    }
    runs = merged
  }
  return runs[0] ?? []
}

async function mergedRuns<T extends object>(
  one: readonly T[],
  other: readonly T[],
  compare: (a: T, b: T) => number,
  pace: Pace,
): Promise<T[]> {
  const merged: T[] = []
  let [left, right] = [0, 0]
  for (;;) {
    const [a, b] = [one[left], other[right]]
    if (a === undefined || b === undefined) break
    const isFirst = compare(a, b) <= 0
    merged.push(isFirst ? a : b)
    if (isFirst) left++
    else right++
    if (merged.length % atOnce === 0 && pace.isDue()) await pace.rest()
  }
  return merged.concat(one.slice(left), other.slice(right))
}
