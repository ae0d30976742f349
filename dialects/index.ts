import type { Dialect } from '../src/dialect.js'
import { astra } from './astra.js'
import { ibm } from './ibm.js'
import { native } from './native.js'
import { scaleengine } from './scaleengine.js'
import { uplynk } from './uplynk.js'

/** Every dialect, in the order in which they are asked; native takes what nobody else recognises, so it is last. */
export const dialects: readonly Dialect[] = [scaleengine, uplynk, astra, ibm, native]
