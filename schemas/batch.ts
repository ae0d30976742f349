import { envelopeMembers } from './envelope.js'
import { Closed, Type } from './types.js'

/** Commands of one batch, and faults that are told of one message. */
const mostCommands = 100
const mostFaults = 100

const refusedMembers = [...envelopeMembers].filter((name) => name !== 'cmd')

/** One command with its parameters beside `cmd`. */
const BatchItem = Type.Unsafe<{ cmd: string; [param: string]: unknown }>({
  type: 'object',
  required: ['cmd'],
  // Not "properties": what stands beside cmd are the parameters of a command that is checked for itself.
  patternProperties: {
    '^cmd$': {
      type: 'string',
      minLength: 1,
      maxLength: 128,
      not: { enum: ['batch', 'request-status', 'stats/report'] },
    },
  },
  propertyNames: { not: { enum: refusedMembers } },
  additionalProperties: true,
})

export const Batch = Closed({
  commands: Type.Array(BatchItem, { minItems: 1, maxItems: mostCommands, description: 'run in this order' }),
  atomic: Type.Boolean({ default: true, description: 'all or nothing' }),
})

export const BatchResult = Closed({
  results: Type.Array(
    Closed({
      code: Type.Integer(),
      status: Type.String(),
      message: Type.String(),
      result: Type.Optional(Type.Unsafe<object>({ type: 'object' })),
      errors: Type.Optional(
        Type.Array(Closed({ path: Type.String(), message: Type.String() }), { maxItems: mostFaults }),
      ),
      suggestion: Type.Optional(Type.String()),
    }),
    { maxItems: mostCommands },
  ),
})
