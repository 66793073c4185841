import { request } from 'node:http'
import type { Workspace } from '#contract'
import type { Engine } from '../main/engine/engine'

/** How long the router of another Berth process may take to answer. */
const ANSWER_LIMIT = 1_500

/**
 * Where a port can be opened just now: only while some Berth process (the window, `berth serve`) has its router up. Asks
 * whoever listens on the router's port.
 */
export async function servedAddresses(
  engine: Engine,
  workspace: Workspace,
  port: number,
): Promise<{ readonly url: string | null }> {
  const { routerPort } = engine.collections.settings.get('settings')?.value ?? {}
  if (!routerPort) return { url: null }
  const host = `${port}-${workspace.name}.localhost:${routerPort}`
  return { url: (await isServed(host, routerPort)) ? `http://${host}/` : null }
}

function isServed(host: string, routerPort: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request(
      {
        host: '127.0.0.1',
        port: routerPort,
        method: 'GET',
        path: '/.well-known/berth',
        headers: { host },
        timeout: ANSWER_LIMIT,
        agent: false,
      },
      (response) => {
        response.resume()
        resolve(response.headers['x-berth-router'] !== undefined && response.statusCode === 204)
      },
    )
    probe.on('timeout', () => probe.destroy())
    probe.on('error', () => resolve(false))
    probe.end()
  })
}
