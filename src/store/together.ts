/** Questions that are under way at the same time: where each takes a journey, they travel together. */
const atOnce = 100

/** What `ask` gives for each of many, in their order. */
export async function together<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = []
  for (let first = 0; first < items.length; first += atOnce) {
    answers.push(...(await Promise.all(items.slice(first, first + atOnce).map(ask))))
  }
  return answers
}
