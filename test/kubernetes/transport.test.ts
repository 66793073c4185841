import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TargetDescription } from '../../main/engine/drivers/driver'
import type { ApiClient, SpdyStream } from '../../main/engine/drivers/kubernetes/api'
import { createClusterProvider } from '../../main/engine/drivers/kubernetes/provider'
import { createApiClient } from '../../main/engine/drivers/kubernetes/transport/client'
import { testPlatform } from '../conformance/harness'
import { TEST_IMAGES } from '../harness/images'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'

/** The transport alone against a real API server and kubelet, as a user who may do no more than the Role allows. */

let namespace: TestNamespace
let client: ApiClient
const closing: (() => unknown)[] = []

beforeAll(async () => {
  const cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  closing.push(() => namespace.dispose())
  const run = [
    'run',
    'main',
    `--image=${TEST_IMAGES.debian}`,
    '--restart=Never',
    '--image-pull-policy=IfNotPresent',
  ]
  await cluster.kubectl('-n', namespace.name, ...run, '--command', '--', 'sleep', 'infinity')
  await cluster.kubectl('-n', namespace.name, 'wait', '--for=condition=Ready', 'pod/main', '--timeout=120s')
  const { platform, dispose } = testPlatform({ KUBECONFIG: namespace.kubeconfig })
  closing.push(dispose)
  const provider = createClusterProvider(platform, ({ access, target }) => {
    const identity = { targetName: target.name, endpoint: target.endpoint, namespace: namespace.name }
    client = createApiClient(access, identity, platform)
    closing.push(() => client.dispose())
    throw new Error('the client is all that is wanted')
  })
  let targets: readonly TargetDescription[] = []
  closing.push(
    provider.watchTargets((now) => {
      targets = now
    }),
  )
  const [target] = targets
  if (!target) throw new Error('the kubeconfig has no context')
  expect(() => provider.open(target)).toThrow('all that is wanted')
})

afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const path = (rest: string) => `/api/v1/namespaces/${namespace.name}${rest}`

/** What a stream brings until it is over, however it ends: kubelets reset what an exec leaves behind. */
function everything(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve) => {
    stream.once('end', () => resolve(Buffer.concat(chunks)))
    stream.once('close', () => resolve(Buffer.concat(chunks)))
  })
}

interface Exec {
  readonly stdin: SpdyStream
  readonly stdout: Promise<Buffer>
  readonly stderr: Promise<Buffer>
  /** Resolves with the exit code. */
  readonly code: Promise<number>
}

async function exec(...command: string[]): Promise<Exec> {
  const session = await client.spdy(path('/pods/main/exec'), {
    query: { command, stdin: true, stdout: true, stderr: true },
    protocols: ['v4.channel.k8s.io'],
  })
  const open = (streamType: string) => session.open({ streamType })
  const [error, stdin, stdout, stderr] = await Promise.all([
    open('error'),
    open('stdin'),
    open('stdout'),
    open('stderr'),
  ])
  const code = everything(error).then((bytes) => {
    const answer = JSON.parse(bytes.toString()) as {
      status: string
      details?: { causes?: { reason?: string; message?: string }[] }
    }
    const cause = answer.details?.causes?.find(({ reason }) => reason === 'ExitCode')
    return answer.status === 'Success' ? 0 : Number(cause?.message)
  })
  return { stdin, stdout: everything(stdout), stderr: everything(stderr), code }
}

describe('SPDY', () => {
  test('tells output, errors and exit code apart', async () => {
    const { stdout, stderr, code } = await exec('sh', '-c', 'echo out; echo error >&2; exit 37')
    expect((await stdout).toString()).toBe('out\n')
    expect((await stderr).toString()).toBe('error\n')
    expect(await code).toBe(37)
  })

  test('half-closes: a program that reads to the end comes to its end', async () => {
    const { stdin, stdout, code } = await exec('cat')
    stdin.end('to the end')
    expect((await stdout).toString()).toBe('to the end')
    expect(await code).toBe(0)
  })

  test('100 MB go up and come down whole', async () => {
    const { stdin, stdout, stderr, code } = await exec(
      'sh',
      '-c',
      'tee /dev/fd/3 3>/tmp/copy | sha256sum >&2; cat /tmp/copy',
    )
    const hash = createHash('sha256')
    for (let megabyte = 0; megabyte < 100; megabyte++) {
      const block = randomBytes(1_000_000)
      hash.update(block)
      if (!stdin.write(block)) await once(stdin, 'drain')
    }
    stdin.end()
    const sent = hash.digest('hex')
    const came = await stdout
    expect(came.length).toBe(100_000_000)
    expect(createHash('sha256').update(came).digest('hex')).toBe(sent)
    expect((await stderr).toString().split(' ')[0]).toBe(sent)
    expect(await code).toBe(0)
  })

  test('fifty at once each have their own input, output and exit code', async () => {
    const numbers = Array.from({ length: 50 }, (_, number) => number)
    const all = await Promise.all(
      numbers.map(async (number) => {
        const { stdin, stdout, code } = await exec('sh', '-c', `cat; exit ${number}`)
        stdin.end(`number ${number}`)
        return { text: (await stdout).toString(), code: await code }
      }),
    )
    expect(all).toEqual(numbers.map((number) => ({ text: `number ${number}`, code: number })))
  })

  test('a program that reads nothing for half a minute loses nothing, though no ping is answered', async () => {
    const { stdin, stdout, code } = await exec('sh', '-c', 'sleep 35; wc -c')
    stdin.end(Buffer.alloc(1_000_000))
    expect(Number(await stdout)).toBe(1_000_000)
    expect(await code).toBe(0)
  })

  test('where there is no pod is an ApiError', async () => {
    const opened = client.spdy(path('/pods/none/exec'), {
      query: { command: ['true'], stdout: true },
      protocols: ['v4.channel.k8s.io'],
    })
    await expect(opened).rejects.toMatchObject({ status: 404, reason: 'NotFound' })
  })
})

describe('websockets', () => {
  test('carry an exec over channels', async () => {
    const websocket = await client.websocket(path('/pods/main/exec'), {
      query: { command: ['sh', '-c', 'head -c 5; exit 3'], stdin: true, stdout: true },
      protocols: ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
    })
    const channels: Record<number, string> = {}
    websocket.onMessage((data) => {
      const channel = data[0] ?? 0
      channels[channel] = (channels[channel] ?? '') + data.subarray(1)
    })
    websocket.send(Buffer.from([0]), Buffer.from('hello'))
    expect((await websocket.ended).clean).toBe(true)
    expect(channels[1]).toBe('hello')
    expect(JSON.parse(channels[3] ?? '{}')).toMatchObject({ details: { causes: [{ message: '3' }] } })
  })

  test('carry a watch, whose server answers pings', async () => {
    const websocket = await client.websocket(path('/pods'), { query: { watch: true }, protocols: [] })
    const events: { type: string }[] = []
    websocket.onMessage((data) => events.push(JSON.parse(data.toString()) as { type: string }))
    // A link without an answer would be dead by then.
    await new Promise((resolve) => setTimeout(resolve, 25_000))
    expect(events[0]?.type).toBe('ADDED')
    websocket.close()
    expect((await websocket.ended).clean).toBe(true)
  })
})

describe('calls', () => {
  test('that the Role does not allow say what was missing', async () => {
    const error = await client.json('GET', '/api/v1/nodes').then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(client.failure(error, 'Looking')).toMatchObject({
      problem: { code: 'target-forbidden', cause: `"${namespace.user}" may not list nodes in the cluster.` },
    })
  })
})
