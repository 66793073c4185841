import { once } from 'node:events'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import type { ApiClient } from '../../main/engine/drivers/kubernetes/api'
import { type ExecDependencies, startExec } from '../../main/engine/drivers/kubernetes/streams/exec'
import { createDialer } from '../../main/engine/drivers/kubernetes/streams/port-forward'
import { ProtocolMemory } from '../../main/engine/drivers/kubernetes/streams/protocols'
import { systemClock } from '../../main/engine/platform/clock'
import { silentLogger } from '../../main/engine/platform/logger'
import { CuttingProxy } from '../harness/cutting-proxy'
import { TEST_IMAGES } from '../harness/images'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { serversProgram } from '../harness/python'
import { clientOf, startPod, without } from './pods'

const never = new AbortController().signal
let namespace: TestNamespace
let direct: ApiClient
let pod: string

beforeAll(async () => {
  const cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  direct = clientOf(namespace)
  pod = await startPod(cluster, namespace.name, {
    image: TEST_IMAGES.debian,
    command: ['python3', '-c', serversProgram],
  })
})
afterAll(async () => {
  await direct?.dispose()
  await namespace?.dispose()
})

it.each([
  { name: 'SPDY', blocked: ['websocket', 'spdyOverWebSocket'] },
  { name: 'websockets', blocked: ['spdy', 'spdyOverWebSocket'] },
] as const)(
  'a network that swallows everything is noticed by terminals and ports over $name',
  async ({ blocked }) => {
    const proxy = await CuttingProxy.start(new URL(direct.identity.endpoint))
    const client = without(clientOf(namespace, proxy.url), ...blocked)
    const parts = { client, logger: silentLogger }
    const dependencies: ExecDependencies = { ...parts, protocols: new ProtocolMemory(), ending: new Set() }
    const dialer = createDialer({ ...parts, clock: systemClock, protocols: new ProtocolMemory() })
    try {
      const terminal = await startExec(
        dependencies,
        pod,
        'main',
        { command: ['sh', '-c', 'echo up; exec cat'], tty: { columns: 80, rows: 24 } },
        never,
      )
      await once(terminal.stdout, 'data')
      terminal.stdout.resume()
      const socket = await dialer.dial(pod, 7001, never)
      socket.write('x')
      await once(socket, 'data')
      socket.resume()
      const lost = new Promise<string>((resolve) => {
        socket.once('close', () =>
          resolve(
            socket.errored instanceof ProblemError ? socket.errored.problem.code : String(socket.errored),
          ),
        )
      })
      proxy.freeze()
      expect(await terminal.exit).toMatchObject({ code: null, problem: { code: 'connection-lost' } })
      expect(await lost).toBe('connection-lost')

      // What comes then takes another way.
      const again = await startExec(dependencies, pod, 'main', { command: ['sh', '-c', 'exit 3'] }, never)
      again.stdout.resume()
      again.stderr?.resume()
      expect((await again.exit).code).toBe(3)
    } finally {
      dialer.dispose()
      await client.dispose()
      await proxy.dispose()
    }
  },
)
