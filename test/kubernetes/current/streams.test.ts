import { createHash, randomBytes } from 'node:crypto'
import { once, setMaxListeners } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiClient } from '../../../main/engine/drivers/kubernetes/api'
import {
  type ExecDependencies,
  type PodExecOptions,
  startExec,
} from '../../../main/engine/drivers/kubernetes/streams/exec'
import { ProtocolMemory } from '../../../main/engine/drivers/kubernetes/streams/protocols'
import { silentLogger } from '../../../main/engine/platform/logger'
import { sh } from '../../conformance/harness'
import { TEST_IMAGES } from '../../harness/images'
import type { TestCluster } from '../../harness/kubernetes/cluster'
import type { TestNamespace } from '../../harness/kubernetes/namespaces'
import { sharedCluster } from '../../harness/kubernetes/shared'
import { clientOf, startPod, without } from '../pods'

const MEBIBYTE = 1024 * 1024
const never = new AbortController().signal
setMaxListeners(0, never)

let cluster: TestCluster
let namespace: TestNamespace
let client: ApiClient
let pod: string

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  client = clientOf(namespace)
  pod = await startPod(cluster, namespace.name, { image: TEST_IMAGES.debian, command: ['sleep', '100000'] })
})

afterAll(async () => {
  await client?.dispose()
  await namespace?.dispose()
})

describe('exec over v5.channel.k8s.io', () => {
  let dependencies: ExecDependencies
  const exec = (options: PodExecOptions) => startExec(dependencies, pod, 'main', options, never)

  beforeAll(() => {
    dependencies = {
      // Nothing but websockets gets through, and v5 is what ends the input.
      client: without(client, 'spdy'),
      logger: silentLogger,
      protocols: new ProtocolMemory(),
      ending: new Set(),
    }
  })

  it('is for where SPDY does not pass', async () => {
    const memories = [client, dependencies.client].map(async (one) => {
      const protocols: ExecDependencies['protocols'] = new ProtocolMemory()
      const options = { command: ['true'] }
      const process = await startExec(
        { ...dependencies, client: one, protocols },
        pod,
        'main',
        options,
        never,
      )
      process.stdout.resume()
      process.stderr?.resume()
      expect((await process.exit).code).toBe(0)
      return protocols.works
    })
    expect(await Promise.all(memories)).toEqual(['spdy', 'websocket-v5'])
  })

  it('ends the input and nothing else', async () => {
    const process = await exec({ command: sh('sha256sum; sleep 0.5; echo still here; echo so >&2; exit 3') })
    expect(process.canEndInput).toBe(true)
    const data = randomBytes(20 * MEBIBYTE)
    process.stdin.end(data)
    const [stdout, stderr, { code }] = await Promise.all([
      text(process.stdout),
      process.stderr ? text(process.stderr) : '',
      process.exit,
    ])
    const digest = createHash('sha256').update(data).digest('hex')
    expect({ stdout, stderr, code }).toEqual({
      stdout: `${digest}  -\nstill here\n`,
      stderr: 'so\n',
      code: 3,
    })
    expect(dependencies.protocols.works).toBe('websocket-v5')
  })

  it('ends an input that nothing was written to', async () => {
    const process = await exec({ command: ['wc', '-c'] })
    process.stdin.end()
    process.stderr?.resume()
    expect(await text(process.stdout)).toBe('0\n')
    expect(await process.exit).toEqual({ code: 0 })
  })

  it.each(['TERM', 'INT', 'KILL'])('tells an end by SIG%s', async (name) => {
    const numbers: Readonly<Record<string, number>> = { TERM: 15, INT: 2, KILL: 9 }
    const process = await exec({ command: sh('echo up; exec sleep 1000') })
    process.stderr?.resume()
    await once(process.stdout, 'data')
    process.stdout.resume()
    await process.kill(`SIG${name}`)
    expect((await process.exit).code).toBe(128 + (numbers[name] ?? 0))
  })
})
