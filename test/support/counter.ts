/** A command module of an operator: what it counted tells how often it took effect. */
export const counter = `export default ({ Type }) => ({
  name: 'test/count',
  summary: 'Count one up',
  permission: 'counts:write',
  params: Type.Object({ id: Type.String({ maxLength: 64 }) }, { additionalProperties: false }),
  result: Type.Object({ total: Type.Integer() }, { additionalProperties: false }),
  codes: { COUNTED: { code: 10001, message: 'Counted' } },
  target: ({ id }) => id,
  run: async ({ id }, { store }) => ['COUNTED', { total: await store.records.add('count', id, 1) }],
})
`
