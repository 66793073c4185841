import { setMaxListeners } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll } from 'vitest'
import type { ExecProcess } from '../../main/engine/drivers/driver'
import type { ApiClient } from '../../main/engine/drivers/kubernetes/api'
import type { ExecDependencies } from '../../main/engine/drivers/kubernetes/streams/exec'
import { ProtocolMemory } from '../../main/engine/drivers/kubernetes/streams/protocols'
import { silentLogger } from '../../main/engine/platform/logger'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { clientOf, startPod } from './pods'

export const MEBIBYTE = 1024 * 1024
export const never = new AbortController().signal
setMaxListeners(0, never)
export const sleeper = ['sleep', '100000']

/** Pods that do nothing, for streams to go to, with a client of a user who may do no more than the Role allows. */
export interface StreamPods {
  cluster: TestCluster
  namespace: TestNamespace
  client: ApiClient
  /** Of Debian, as root. */
  pod: string
  /** Of Debian, as uid 1000. */
  userPod: string
  /** Of Alpine, with busybox. */
  smallPod: string
}

/** They are there while the tests of the file run; nothing is to be read of them before. */
export function streamPods(): StreamPods {
  const on = {} as StreamPods
  beforeAll(async () => {
    on.cluster = await sharedCluster()
    on.namespace = await on.cluster.makeNamespace()
    on.client = clientOf(on.namespace)
    const start = (image: string, uid?: number) =>
      startPod(on.cluster, on.namespace.name, {
        image,
        command: sleeper,
        ...(uid !== undefined && { uid }),
      })
    ;[on.pod, on.userPod, on.smallPod] = await Promise.all([
      start(TEST_IMAGES.debian),
      start(TEST_IMAGES.debian, 1000),
      start(TEST_IMAGES.alpine),
    ])
  })
  afterAll(async () => {
    await on.client?.dispose()
    await on.namespace?.dispose()
  })
  return on
}

export function dependenciesOf(api: ApiClient): ExecDependencies {
  return { client: api, logger: silentLogger, protocols: new ProtocolMemory(), ending: new Set() }
}

/** Everything that a process says, with its end. */
export async function outcome(process: ExecProcess, input?: string) {
  process.stdin.end(input)
  const [stdout, stderr] = await Promise.all([
    text(process.stdout),
    process.stderr ? text(process.stderr) : '',
  ])
  return { stdout, stderr, ...(await process.exit) }
}

/** The command for a script. */
export const sh = (script: string) => ['/bin/sh', '-c', script]

/** Waits for what takes its time. */
export async function until(condition: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  for (let waited = 0; waited < 900; waited++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`not within 90 s: ${what()}`)
}
