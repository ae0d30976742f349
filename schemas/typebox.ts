// One file once it is built (`scripts/ensure.mjs`): TypeBox is 372 of them, and loading those was a third of every start.
export { default as Type } from 'typebox'
