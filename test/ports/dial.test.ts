import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Workspace } from '#contract'
import { dialSuite, type SuiteContext } from '../../main/engine/drivers/shared/dial/dial.suite'
import { hasCode } from '../../main/engine/drivers/shared/dial/relay'
import { Channel } from '../../main/engine/link/ssh/channel'
import { command } from '../harness/command'
import { CuttingProxy } from '../harness/cutting-proxy'
import { ensureImages, TEST_IMAGES } from '../harness/images'
import { appsProgram } from '../harness/python'
import { NO_AGENTS, startEngine, type TestEngine } from './engine'
import { DIAL_IMAGES, ensureDialImages } from './images'

let test: TestEngine

beforeAll(async () => {
  await ensureImages(['debian', 'alpine', 'scratch'])
  await ensureDialImages()
  test = await startEngine({}, NO_AGENTS)
})
afterAll(() => test?.dispose())

/** Runs the apps beside the workspace, in its network: so the image itself needs nothing but the way in. */
async function startApps(
  workspace: Workspace,
): Promise<{ child: ChildProcess; ports: SuiteContext['ports'] }> {
  const child = spawn(
    'docker',
    [
      'run',
      '--rm',
      '-i',
      '--name',
      `berth-test-apps-${workspace.id}`,
      '--network',
      `container:${workspace.instance}`,
      TEST_IMAGES.debian,
      'python3',
      '-c',
      appsProgram,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, ports: JSON.parse(line) }
}

const ways = [
  { name: 'node', image: DIAL_IMAGES.node, relay: true, halfClose: true },
  { name: 'python3', image: DIAL_IMAGES.python, relay: true, halfClose: true },
  { name: 'perl', image: DIAL_IMAGES.perl, relay: true, halfClose: true },
  { name: 'busybox nc', image: TEST_IMAGES.alpine, relay: false, halfClose: true },
  { name: 'bash', image: DIAL_IMAGES.bash, relay: false, halfClose: false },
] as const

for (const way of ways) {
  describe(`into a container through ${way.name}`, () => {
    let workspace: Workspace
    let child: ChildProcess | undefined
    let ports: SuiteContext['ports']

    beforeAll(async () => {
      workspace = await test.create({ source: { kind: 'image', image: way.image } })
      const apps = await startApps(workspace)
      child = apps.child
      ports = apps.ports
    })
    afterAll(async () => {
      child?.stdin?.end()
      if (child && child.exitCode === null) await once(child, 'exit')
      await test.act('delete', workspace.id)
    })

    dialSuite(() => ({
      dial: (port, signal = new AbortController().signal) =>
        test.engine.links.get(workspace.id).dial(port, signal),
      ports,
      halfClose: way.halfClose,
      resets: way.relay,
      refusals: way.relay && way.name !== 'node',
      ...(way.relay
        ? {
            killRelay: async () =>
              void (await command('docker', [
                'exec',
                workspace.instance ?? '',
                'pkill',
                '-9',
                '-f',
                'berth-relay',
              ])),
          }
        : {}),
    }))

    it('leaves no process of its own behind its connections', async () => {
      // Those of the connections that were closed last are still ending.
      await vi.waitFor(async () => {
        const list = await command('docker', ['top', workspace.instance ?? '', '-eo', 'pid,args'])
        const own = list.split('\n').filter((line) => /berth-relay/.test(line))
        expect(own.length).toBeLessThanOrEqual(1)
      })
    })
  })
}

/** Whether the agent's socket in a container can be reached from outside: the images' user is root. */
const isReachable = process.platform === 'linux' && process.getuid?.() === 0
const agentWays = [
  // The engine's containers run on this machine, and Berth's user is theirs.
  { name: "the agent's relay", overTcp: false },
  { name: "the agent's SSH", overTcp: true },
] as const

for (const way of agentWays) {
  describe(`into a container through ${way.name}`, () => {
    let proxy: CuttingProxy | undefined
    let withAgent: TestEngine
    let workspace: Workspace
    let child: ChildProcess | undefined
    let ports: SuiteContext['ports']

    beforeAll(async () => {
      if (way.overTcp) proxy = await CuttingProxy.start(new URL('unix:///var/run/docker.sock'))
      withAgent = await startEngine(proxy && { DOCKER_HOST: `tcp://127.0.0.1:${proxy.port}` })
      // It has no program at all: whatever works is the agent's.
      workspace = await withAgent.create({ source: { kind: 'image', image: TEST_IMAGES.scratch } })
      const apps = await startApps(workspace)
      child = apps.child
      ports = apps.ports
      // It is put in place once something is followed, which takes a moment.
      const { signal } = new AbortController()
      for (let attempt = 1; ; attempt++) {
        try {
          ;(await withAgent.engine.links.get(workspace.id).dial(ports.echo, signal)).destroy()
          return
        } catch (error) {
          if (attempt === 150) throw error
          await new Promise((resolve) => setTimeout(resolve, 200))
        }
      }
    })
    afterAll(async () => {
      child?.stdin?.end()
      if (child && child.exitCode === null) await once(child, 'exit')
      await withAgent?.dispose()
      await proxy?.dispose()
    })

    dialSuite(() => ({
      dial: (port, signal = new AbortController().signal) =>
        withAgent.engine.links.get(workspace.id).dial(port, signal),
      ports,
      halfClose: true,
      resets: true,
      refusals: true,
    }))

    it('is what carries it', async () => {
      const stream = await withAgent.engine.links
        .get(workspace.id)
        .dial(ports.echo, new AbortController().signal)
      expect(stream instanceof Channel).toBe(way.overTcp || !isReachable)
      stream.destroy()
    })
  })
}

it.skipIf(!isReachable)(
  'starts no relay in a container in which the agent has one (as root, on Linux)',
  async () => {
    const withAgent = await startEngine()
    try {
      const workspace = await withAgent.create({ source: { kind: 'image', image: DIAL_IMAGES.perl } })
      const { child, ports } = await startApps(workspace)
      const link = withAgent.engine.links.get(workspace.id)
      // Only then there is a connection for certain: what is missing is told after a while in any case.
      ;(await link.openSsh(new AbortController().signal)).close()
      expect(await link.missing(new AbortController().signal)).toBeUndefined()
      ;(await link.dial(ports.echo, new AbortController().signal)).destroy()
      const list = await command('docker', ['top', workspace.instance ?? '', '-eo', 'pid,args'])
      expect(list).toMatch(/berth-agent/)
      expect(list).not.toMatch(/berth-relay/)
      child.stdin?.end()
      if (child.exitCode === null) await once(child, 'exit')
    } finally {
      await withAgent.dispose()
    }
  },
)

it('says so in an image in which nothing works', async () => {
  const workspace = await test.create({ source: { kind: 'image', image: TEST_IMAGES.scratch } })
  await expect(test.engine.links.get(workspace.id).dial(80, new AbortController().signal)).rejects.toSatisfy(
    (error) => hasCode(error, 'dial-unsupported'),
  )
})
