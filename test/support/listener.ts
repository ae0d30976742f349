import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { addressList } from '../../src/address.js'
import { httpServer } from '../../src/http.js'
import type { HttpParts } from '../../src/http-parts.js'
import type { TestInstance } from './instance.js'

/** The listener of the gateway in front of an instance of this process, on a port of its own until the test ends. */
export async function listen(
  t: Pick<TestContext, 'after'>,
  { handle, charge, refuse, methodsAt, load }: TestInstance,
  parts: Partial<HttpParts> = {},
): Promise<number> {
  const { server } = httpServer({
    handle,
    charge,
    refuse,
    methodsAt,
    load,
    vendorPaths: false,
    ready: async () => true,
    trustProxy: addressList([]),
    bodyLimit: 262_144,
    onUntrustedProxy: () => undefined,
    openapi: () => '{}',
    onUnexpected: (error) => assert.fail(String(error)),
    ...parts,
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  assert.ok(address && typeof address === 'object')
  return address.port
}
