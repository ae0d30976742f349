/** A reporter of node:test that tells only what failed, and where: scripts/test.mjs prints it once more after everything else. */
export default async function* failures(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:fail' || data.todo !== undefined) continue
    const error = data.details.error?.cause ?? data.details.error
    yield `not ok: ${data.name} (${data.file ?? '?'}:${data.line ?? 0})\n${error?.stack ?? String(error)}\n\n`
  }
}
