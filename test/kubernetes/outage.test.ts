import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import { type ExecDependencies, startExec } from '../../main/engine/drivers/kubernetes/streams/exec'
import { openLogs } from '../../main/engine/drivers/kubernetes/streams/logs'
import { createDialer } from '../../main/engine/drivers/kubernetes/streams/port-forward'
import { ProtocolMemory } from '../../main/engine/drivers/kubernetes/streams/protocols'
import { systemClock } from '../../main/engine/platform/clock'
import { silentLogger } from '../../main/engine/platform/logger'
import { TEST_IMAGES } from '../harness/images'
import { type OwnCluster, startCluster } from '../harness/kubernetes/cluster'
import { binariesProblem, kubernetesBinaries } from '../harness/kubernetes/shared'
import { serversProgram } from '../harness/python'
import { startEngine } from '../ports/engine'
import { LIMIT, startServer, startTalk } from '../terminals/talk'
import { clientOf, startPod } from './pods'
import { createInPod } from './workspace'

const never = new AbortController().signal
const problem = binariesProblem()
let cluster: OwnCluster

beforeAll(async () => {
  if (!problem) cluster = await startCluster({ binaries: kubernetesBinaries(), images: [TEST_IMAGES.debian] })
})
afterAll(async () => {
  await cluster?.dispose()
})

it.skipIf(problem !== undefined)(
  `ends every stream with a reason when the API server goes away, and works again with the next${problem ? ` (skipped: ${problem})` : ''}`,
  async () => {
    const namespace = await cluster.makeNamespace()
    const client = clientOf(namespace)
    const dependencies: ExecDependencies = {
      client,
      logger: silentLogger,
      protocols: new ProtocolMemory(),
      ending: new Set(),
    }
    const closed = new AbortController()
    const dialer = createDialer({
      client,
      logger: silentLogger,
      clock: systemClock,
      protocols: new ProtocolMemory(),
    })
    const pod = await startPod(cluster, namespace.name, {
      image: TEST_IMAGES.debian,
      command: ['python3', '-c', serversProgram],
    })
    const exec = (command: string[], tty = false) =>
      startExec(dependencies, pod, 'main', { command, ...(tty && { tty: { columns: 80, rows: 24 } }) }, never)
    const processes = await Promise.all([
      exec(['sleep', '1000']),
      exec(['cat'], true),
      exec(['sh', '-c', 'while :; do echo flood; done']),
    ])
    for (const process of processes) {
      process.stdout.resume()
      process.stderr?.resume()
    }
    // The servers may only just be starting.
    let socket: Duplex | undefined
    while (!socket) {
      socket = await dialer.dial(pod, 7001, never).catch((error: unknown) => {
        if (error instanceof ProblemError && error.problem.code === 'port-refused') return undefined
        throw error
      })
    }
    const first = socket
    socket.write('x')
    await once(socket, 'data')
    const logs = await openLogs(
      { client, clock: systemClock, closed: closed.signal },
      { pod, container: 'main' },
      { follow: true },
      never,
    )
    logs.stdout.resume()

    const ends = Promise.all([
      ...processes.map(async (process) => (await process.exit).problem?.code),
      new Promise<void>((resolve) => first.once('close', resolve)).then(() =>
        first.errored instanceof ProblemError ? first.errored.problem.code : first.errored,
      ),
      logs.end.then((end) => end.problem?.code),
    ])
    await cluster.stopApiServer()
    expect(await ends).toEqual(Array(5).fill('connection-lost'))
    await expect(exec(['true'])).rejects.toMatchObject({ problem: { code: 'target-unreachable' } })

    await cluster.startApiServer()
    const again = await exec(['sh', '-c', 'exit 3'])
    again.stdout.resume()
    again.stderr?.resume()
    expect((await again.exit).code).toBe(3)
    const connection = await dialer.dial(pod, 7001, never)
    connection.write('y')
    const [reply] = (await once(connection, 'data')) as [Buffer]
    expect(reply.toString()).toBe('y')
    dialer.dispose()
    await client.dispose()
    // What was started in it goes on without its connection, and would keep a processor busy.
    await cluster.kubectl('-n', namespace.name, 'delete', 'pod', pod)
  },
)

it.skipIf(problem !== undefined)(
  `costs a terminal nothing that was printed or typed, and a port its connections alone, when the API server is restarted${problem ? ` (skipped: ${problem})` : ''}`,
  async () => {
    const namespace = await cluster.makeNamespace()
    const test = await startEngine({ KUBECONFIG: namespace.kubeconfig })
    try {
      const workspace = await createInPod(test)
      const server = await startServer(test, workspace, 8123)
      await server.answers()
      const terminal = await startTalk(test, workspace, 'restart')
      terminal.type('before')
      await terminal.hears('before')
      await cluster.stopApiServer()
      await expect.poll(terminal.state, LIMIT).toBe('reconnecting')
      terminal.type('during')
      await cluster.startApiServer()
      await terminal.hears('during')
      terminal.type('after')
      await terminal.hears('after')
      const pod = `ws-${workspace.id}-0`
      await cluster.kubectl('-n', namespace.name, 'exec', pod, '--', 'touch', '/tmp/restart')
      await terminal.wasWhole(['before', 'during', 'after'])
      expect(test.engine.collections.workspaces.get(workspace.id)?.incarnation).toBe(workspace.incarnation)
      await server.answers()
      await terminal.close()
      await expect
        .poll(() => test.engine.collections.targets.get(workspace.targetId)?.state, LIMIT)
        .toBe('ready')
    } finally {
      await test.dispose()
    }
  },
)
