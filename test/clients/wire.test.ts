import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttp, request } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { envelopeMembers } from '../../schemas/envelope.js'
import { driverFor, languages } from '../support/drivers.js'
import { root } from '../support/instance.js'
import { done, playedGateway, playedSecret } from '../support/played-gateway.js'
import { samples } from '../support/samples.js'
import { hasPrograms, removeFolder, run, serverFor, temporaryFolder } from '../support/server.js'
import { echoModule, vectors } from '../support/vectors.js'

const folder = temporaryFolder()
test.after(() => removeFolder(folder))
writeFileSync(join(folder, 'echo.mjs'), echoModule)
const keyFile = join(folder, 'key.json')
writeFileSync(keyFile, JSON.stringify({ api_key: 'played-key', secret: playedSecret }))
const { commands } = JSON.parse(readFileSync(join(root, 'schemas/catalogue.json'), 'utf8'))

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  return port
}

for (const language of languages) {
  test(`${language}: every value of the vectors arrives as it was meant`, async (t) => {
    const server = await serverFor(t, { env: { COUNTERSIGN_COMMANDS: folder } })
    const driver = driverFor(t, language, server.url, join(server.folder, 'admin-key.json'))
    if (!driver) return
    for (const { reason, value } of vectors.values) {
      const { result, text } = await driver.call({ cmd: 'test/echo', params: { value } })
      assert.deepEqual(JSON.parse(Object(result).text ?? '"nothing"'), value, `${reason}: ${text}`)
    }
  })

  test(`${language}: the method of each command sends its name, and each parameter under its own`, async (t) => {
    const gateway = await playedGateway(t)
    const driver = driverFor(t, language, gateway.url, keyFile)
    if (!driver) return
    for (const { name, params } of commands) {
      for (const drawn of samples(params, () => ['12345678', 1])) {
        const sample = JSON.parse(JSON.stringify(drawn))
        gateway.play([done])
        const answer = await driver.call({ helper: name, params: sample })
        assert.equal(answer.error, undefined, `${name} ${JSON.stringify(sample)}: ${answer.text}`)
        const { cmd, ...members } = gateway.arrived()[0]?.json ?? {}
        assert.equal(cmd, name)
        const sent = Object.entries(members).filter(([member]) => !envelopeMembers.has(member))
        assert.deepEqual(Object.fromEntries(sent), sample)
      }
    }
  })

  test(`${language}: when the answer got lost, the command was done once, and a secret that it made is not lost with it`, async (t) => {
    const server = await serverFor(t)
    let relayed = 0
    const relay = createHttp((req, res) => {
      const onward = request(`${server.url}${req.url}`, { method: 'POST', headers: req.headers }, (answer) => {
        // The first answer is on disk, and on its way, when the connection ends.
        if (++relayed === 1) answer.resume().once('end', () => res.destroy())
        else answer.pipe(res.writeHead(answer.statusCode ?? 500, answer.headers))
      })
      req.pipe(onward)
    })
    const port = await listen(t, relay)
    const driver = driverFor(t, language, `http://127.0.0.1:${port}`, join(server.folder, 'admin-key.json'))
    if (!driver) return
    const answer = await driver.call({ helper: 'keys/create', params: { comment: 'only once' } })
    assert.deepEqual([answer.code, answer.replayed, relayed], [6101, true, 2])
    assert.match(Object(answer.result).secret, /^cs_/)
    const { json } = await server.call('keys/list')
    const made = Object(json?.result).keys.filter(({ comment }: { comment: string }) => comment === 'only once')
    assert.equal(made.length, 1)
  })

  test(`${language}: a certificate that nobody vouches for, or for another name, is refused before anything is sent`, async (t) => {
    if (!hasPrograms(t, 'openssl')) return
    const [key, cert] = [join(folder, `${language}.key`), join(folder, `${language}.pem`)]
    const making = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert]
    assert.equal((await run('openssl', [...making, ...name])).status, 0)
    let arrived = 0
    const tls = createHttps({ key: readFileSync(key), cert: readFileSync(cert) }, (_req, res) => {
      arrived++
      res.writeHead(403).end()
    })
    const port = await listen(t, tls)
    const call = { cmd: 'ping', options: { retries: 0 } }
    const trusting = { cmd: 'ping', options: { retries: 0, ca_file: cert } }
    const answers = async (host: string, env: Readonly<Record<string, string>>, asked: object) => {
      const driver = driverFor(t, language, `https://${host}:${port}`, keyFile, env)
      const answer = await driver?.call(asked)
      return [answer?.error, answer?.outcome_unknown, arrived]
    }
    if (!driverFor(t, language, 'http://127.0.0.1:1', keyFile)) return
    assert.deepEqual(await answers('localhost', {}, call), ['TransportError', false, 0])
    const trusted = { NODE_EXTRA_CA_CERTS: cert }
    assert.deepEqual(await answers('127.0.0.1', trusted, trusting), ['TransportError', false, 0])
    // Else nothing was tested: the same gateway is spoken to when its certificate is right.
    assert.deepEqual(await answers('localhost', trusted, trusting), ['UnprovenReplyError', true, 1])
  })
}

// The fetch of Node.js 20 knows no proxies; its README says so.
for (const language of ['PHP', 'Python'] as const) {
  test(`${language}: a proxy of the environment is used, except for hosts that it leaves out`, async (t) => {
    const proxy = await playedGateway(t)
    proxy.play([done])
    const call = { cmd: 'ping', options: { retries: 0 } }
    const through = async (env: Readonly<Record<string, string>>) => {
      const driver = driverFor(t, language, 'http://gateway.invalid', keyFile, { http_proxy: proxy.url, ...env })
      return driver && [(await driver.call(call)).error, proxy.arrived().length]
    }
    const first = await through({ no_proxy: '' })
    if (!first) return
    assert.deepEqual(first, [undefined, 1])
    assert.deepEqual(await through({ no_proxy: 'gateway.invalid' }), ['TransportError', 1])
  })
}
