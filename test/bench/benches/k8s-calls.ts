import { Agent, request } from 'node:https'
import { createNodePlatform } from '../../../main/engine'
import type { ApiClient } from '../../../main/engine/drivers/kubernetes/api'
import { ClusterAccesses } from '../../../main/engine/drivers/kubernetes/credentials/access'
import { KubeconfigStore } from '../../../main/engine/drivers/kubernetes/kubeconfig/store'
import { createApiClient } from '../../../main/engine/drivers/kubernetes/transport/client'
import { managedSelector, paths } from '../../../main/engine/drivers/kubernetes/workspace/anatomy'
import type { Bench } from '../bench'
import { openPlace, type Place } from '../kubernetes/place'
import { type Relay, startRelay } from '../kubernetes/relay'

const CALLS = 1000
/** Of one connection to which all calls fall, and one more. */
const HANDSHAKES = 2

interface List {
  readonly items: readonly unknown[]
}

export const calls: Bench = {
  name: 'k8s-calls',
  title: '1000 lists one after the other, by the driver’s client / by Node’s https with keep-alive',
  unit: 'ms/call',
  target: { kind: 'ratio', atMost: 1.2 },
  rounds: 9,
  async prepare() {
    const place = await openPlace()
    // Something to list.
    await place.berth.workspace('alpine')
    const relay = await startRelay(place.access.server)
    const client = driversClient(place, place.access.server)
    const path = paths(place.namespace).statefulSets
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: place.access.ca })
    const bare = () => bareList(agent, place, `${path}?labelSelector=${encodeURIComponent(managedSelector)}`)
    return {
      ours: () => timed(() => list(client, path)),
      reference: () => timed(bare),
      async facts() {
        const handshakes = await handshakesOf(place, relay, path)
        return [
          {
            what: `TLS handshakes for ${CALLS} calls (<= ${HANDSHAKES})`,
            value: String(handshakes),
            pass: handshakes <= HANDSHAKES,
          },
        ]
      },
      async dispose() {
        agent.destroy()
        await client.dispose()
        await relay.dispose()
        await place.dispose()
      },
    }
  },
}

/** The client as the driver has it, with credentials from the kubeconfig. */
function driversClient(place: Place, server: string): ApiClient {
  const platform = createNodePlatform({
    version: 'bench',
    resources: 'resources',
    env: { ...process.env, KUBECONFIG: place.kubeconfig },
  })
  const accesses = new ClusterAccesses(platform, new KubeconfigStore(platform))
  const access = accesses.open({ id: place.targetId, endpoint: place.access.server })
  const identity = { targetName: 'bench', endpoint: server, namespace: place.namespace }
  return createApiClient({ ...access, server }, identity, platform)
}

async function list(client: ApiClient, path: string): Promise<List> {
  return client.json<List>('GET', path, { query: { labelSelector: managedSelector } })
}

/** The least that gives the same objects. */
function bareList(agent: Agent, { access }: Place, path: string): Promise<List> {
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      headers: { authorization: `Bearer ${access.token}`, accept: 'application/json' },
    }
    request(`${access.server}${path}`, options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as List)
        else reject(new Error(`status ${response.statusCode}`))
      })
      response.once('error', reject)
    })
      .once('error', reject)
      .end()
  })
}

/** Milliseconds per call. */
async function timed(call: () => Promise<List>): Promise<number> {
  const started = performance.now()
  for (let count = 0; count < CALLS; count += 1) {
    const { items } = await call()
    if (items.length !== 1) throw new Error(`${items.length} objects in place of 1`)
  }
  return (performance.now() - started) / CALLS
}

/** Counted by what stands between the client and the server: no part of the client is asked. */
async function handshakesOf(place: Place, relay: Relay, path: string): Promise<number> {
  const client = driversClient(place, relay.server)
  try {
    const before = relay.handshakes
    await timed(() => list(client, path))
    return relay.handshakes - before
  } finally {
    await client.dispose()
  }
}
