import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, it } from 'vitest'
import { command } from '../harness/command'
import { ensureImages, TEST_IMAGES } from '../harness/images'
import { startEngine, type TestEngine } from './engine'
import { type Held, manyConnections, SERVER } from './many-connections.suite'

const LIMIT = { timeout: 600_000 }
let test: TestEngine

beforeAll(async () => {
  await ensureImages(['debian', 'scratch'])
  test = await startEngine()
})
afterAll(() => test?.dispose())

/** Of the daemon in a container of this machine, whose kernel both share. */
async function agentIn(container: string): Promise<Held> {
  const processes = await command('docker', ['top', container, '-eo', 'pid,args'])
  const line = processes.split('\n').find((one) => /berth-agent\S* serve/.test(one))
  if (!line) throw new Error(`no agent in ${processes}`)
  const pid = Number.parseInt(line, 10)
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, memory: Number(kilobytes) * 1024 }
}

it('ten thousand connections by what the image has leave nothing behind', LIMIT, async () => {
  const workspace = await test.create({ source: { kind: 'image', image: TEST_IMAGES.debian } })
  await test.engine.links.get(workspace.id).missing(AbortSignal.timeout(60_000))
  const server = await test.engine.links.get(workspace.id).exec({ command: ['python3', '-c', SERVER] })
  await manyConnections(test, workspace, () => agentIn(workspace.instance ?? ''))
  server.destroy()
})

it('and by the agent', LIMIT, async () => {
  const workspace = await test.create({ source: { kind: 'image', image: TEST_IMAGES.scratch } })
  const link = test.engine.links.get(workspace.id)
  await link.missing(AbortSignal.timeout(60_000))
  const server = await link.exec({ command: ['/busybox', 'httpd', '-f', '-p', '127.0.0.1:8080', '-h', '/'] })
  await manyConnections(test, workspace, () => agentIn(workspace.instance ?? ''))
  server.destroy()
})
