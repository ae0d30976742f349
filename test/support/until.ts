import { setTimeout as delay } from 'node:timers/promises'

/** Asks until the answer is yes; throws with what was waited for after some seconds. */
export async function until(what: string, yes: () => Promise<boolean> | boolean, seconds = 20): Promise<void> {
  const deadline = performance.now() + seconds * 1000
  while (!(await yes())) {
    if (performance.now() > deadline) throw new Error(`waited ${seconds} s in vain: ${what}`)
    await delay(50)
  }
}
