import { createServer } from 'node:net'
import { gatewayCodes } from '../schemas/codes.js'
import type { Config } from './config.js'
import { type Finding, failed, ok, warned } from './finding.js'

const patience = 3_000

/** Whether the configured port can be listened on, or a gateway answers there already. */
export async function portFindings({ host, port }: Config): Promise<Finding[]> {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`
  if (port === 0) return [ok('port', 'the system picks one at start')]
  const fault = await listenFault(host, port)
  if (fault === undefined) return [ok('port', `${where} is free`)]
  if (fault !== 'EADDRINUSE') {
    const next =
      fault === 'EACCES' ? 'take a port from 1024 on' : 'give an address of this machine: --host, COUNTERSIGN_HOST'
    return [failed('port', `${where} cannot be listened on (${fault})`, next)]
  }
  return [await answering(where, host, port)]
}

function listenFault(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve('code' in error ? String(error.code) : error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

async function answering(where: string, host: string, port: number): Promise<Finding> {
  const own = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  const url = `http://${own.includes(':') ? `[${own}]` : own}:${port}`
  if (!(await isGateway(url))) {
    return failed('port', `${where} is taken by something else`, 'stop what listens there, or take another port')
  }
  const ready = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(patience) }).catch(() => undefined)
  if (ready?.ok) return ok('port', `a Countersign gateway answers on ${where}, and is ready`)
  return failed('port', `a Countersign gateway answers on ${where}, but is not ready`, 'read its log')
}

/** A gateway refuses GET in a way of its own. */
async function isGateway(url: string): Promise<boolean> {
  try {
    const reply = await fetch(`${url}/control`, { redirect: 'manual', signal: AbortSignal.timeout(patience) })
    const { code, http } = gatewayCodes.METHOD_NOT_ALLOWED
    return reply.status === http && JSON.parse(await reply.text()).code === code
  } catch {
    return false
  }
}

/** Whether the settings of a reverse proxy make sense together. */
export function proxyFindings({ host, trustProxy, publicUrl }: Config): Finding[] {
  const check = 'proxy trust'
  const { entries } = trustProxy
  const loopback = isLoopback(host)
  const wide = entries.filter((entry) => /\/0$/.test(entry))
  if (wide.length > 0) {
    return [
      failed(
        check,
        `COUNTERSIGN_TRUST_PROXY=${entries.join(',')}: whoever connects can claim any address`,
        'list the addresses of your proxies alone',
      ),
    ]
  }
  if (entries.length === 0) {
    const near = publicUrl !== '' && isLoopback(new URL(publicUrl).hostname)
    if (!publicUrl || near || !loopback) return [ok(check, 'X-Forwarded-For is believed from nobody')]
    const text = `COUNTERSIGN_PUBLIC_URL is set and ${host} is listened on, but no proxy is trusted: every caller has its address`
    return [warned(check, text, `COUNTERSIGN_TRUST_PROXY=${host === '::1' ? '::1' : '127.0.0.1'}`)]
  }
  if (loopback && !trustProxy.has('127.0.0.1') && !trustProxy.has('::1')) {
    const text = `COUNTERSIGN_TRUST_PROXY=${entries.join(',')}, but only this machine can connect to ${host}: no proxy is ever believed`
    return [warned(check, text, 'list 127.0.0.1, or listen where the proxy can connect to')]
  }
  const local = loopback ? '; so every program of this machine can claim any address' : ''
  return [ok(check, `X-Forwarded-For is believed from ${entries.join(', ')}${local}`)]
}

/** A peer that a gateway noted because it forwarded for others without being trusted. */
export function forwarderFindings(peer: string | undefined, { trustProxy }: Config): Finding[] {
  if (peer === undefined || trustProxy.has(peer)) return []
  const text = `X-Forwarded-For came from ${peer}, which is not trusted: whoever is behind it is limited and listed as ${peer}`
  return [warned('proxy trust', text, `if that is your proxy: COUNTERSIGN_TRUST_PROXY=${peer}`)]
}

const isLoopback = (host: string) =>
  host === 'localhost' || host === '::1' || host === '[::1]' || host.startsWith('127.')
