import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { KubernetesOptions, Problem } from '#contract'
import type { Driver, WorkspaceSpec } from '../../main/engine/drivers/driver'
import { definitionOf, never, newId, Recorder } from '../conformance/harness'
import { kubernetesHarness } from '../conformance/kubernetes-harness'
import { type PoorRegistry, startPoorRegistry } from './registry'

const harness = kubernetesHarness()
const user = { name: 'dev', uid: 1000, gid: 1000, home: '/home/dev', shell: '/bin/sh' }
const made: string[] = []
let driver: Driver
let registry: PoorRegistry

interface Made {
  readonly options?: KubernetesOptions
  readonly image?: string
  readonly definition?: Partial<WorkspaceSpec['definition']>
}

beforeAll(async () => {
  registry = await startPoorRegistry()
  await harness.prepare()
  driver = harness.open()
})

afterEach(async () => {
  for (const id of made.splice(0)) await driver.remove(id, new Recorder(), never)
})

afterAll(async () => {
  await driver?.dispose()
  await harness.dispose()
  await registry?.dispose()
})

/** Milliseconds within which a start tells what it waits for; a busy cluster takes its time. */
const PATIENCE = 150_000

/** A workspace that was never started. */
async function make({ options, image, definition }: Made = {}): Promise<string> {
  const id = newId()
  const reference = image ?? harness.images.small
  const spec: WorkspaceSpec = {
    id,
    name: `why-${id}`,
    owner: 'tests',
    source: { kind: 'image', image: reference },
    definition: definitionOf({ image: reference, ...definition }),
    image: {
      reference,
      id: reference,
      user,
      env: {},
      hasShell: true,
      services: {},
      imageUser: '',
      built: false,
    },
    createdAt: Date.now(),
    kubernetes: { storage: '16Mi', ...options },
  }
  made.push(id)
  await driver.create(spec, { replace: false }, new Recorder(), never)
  await driver.commit(id, never)
  return id
}

/** The Problem with which a start ends; it must not succeed. */
async function startProblem(id: string): Promise<Problem> {
  const outcome = await driver.start(id, new Recorder(), never).then(
    () => undefined,
    (error: { problem?: Problem }) => error.problem,
  )
  if (!outcome) throw new Error('it started')
  return outcome
}

/** Starts, and waits until a look into it says what `until` wants; the start is given up then. */
async function whileStarting(
  id: string,
  until: (problems: readonly Problem[], report: Recorder) => boolean,
): Promise<readonly Problem[]> {
  const report = new Recorder()
  const controller = new AbortController()
  let outcome: unknown
  const starting = driver.start(id, report, controller.signal).then(
    () => {
      outcome = 'it started'
    },
    (error: unknown) => {
      outcome = error
    },
  )
  try {
    const started = performance.now()
    for (;;) {
      const problems = await driver.diagnose(id, never)
      if (until(problems, report)) return problems
      if (outcome) throw outcome
      if (performance.now() - started > PATIENCE) {
        const events = await harness.kubectl('get', 'events', '--sort-by=.lastTimestamp')
        throw new Error(
          `not told within ${PATIENCE} ms: ${JSON.stringify([problems, report.details])}\n${events}`,
        )
      }
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  } finally {
    controller.abort()
    await starting
  }
}

async function withFile(object: object, use: (file: string) => Promise<unknown>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-object-'))
  try {
    const file = join(folder, 'object.json')
    writeFileSync(file, JSON.stringify(object))
    await use(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** As administrator; what has a namespace goes to the tests' own. */
const createObject = (object: object) => withFile(object, (file) => harness.kubectl('create', '-f', file))

const inTemplate = (id: string, container: object, pod: object = {}) =>
  harness.kubectl(
    'patch',
    'statefulset',
    `ws-${id}`,
    '-p',
    JSON.stringify({
      spec: { template: { spec: { ...pod, containers: [{ name: 'workspace', ...container }] } } },
    }),
  )

describe('images', () => {
  it('tells one that is not there', async () => {
    const found = await startProblem(await make({ image: `${registry.host}/acme/none:1` }))
    expect(found).toMatchObject({ code: 'image-not-found', title: expect.stringContaining('acme/none') })
  })

  it('tells one that wants a login', async () => {
    const found = await startProblem(await make({ image: `${registry.host}/private/app:1` }))
    expect(found.code).toBe('registry-auth')
    expect(found.remedy).toContain('pull secret')
  })

  it('waits for a slow one, and says what it waits for', async () => {
    const id = await make({ image: `${registry.host}/slow/app:1` })
    const problems = await whileStarting(id, (_, { details }) =>
      details.some((detail) => detail.startsWith('Pulling image')),
    )
    expect(problems).toEqual([])
    expect(await driver.diagnose(id, never)).toEqual([])
  })
})

describe('nodes', () => {
  const tolerations = ['unreachable', 'not-ready'].map((one) => ({
    key: `node.kubernetes.io/${one}`,
    operator: 'Exists' as const,
  }))

  /** A node of which nobody hears any more once it is there: it has no kubelet. `use` makes it, or it is there at once. */
  async function withNode(
    use: (nodeSelector: Record<string, string>, create: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const name = `berth-${newId()}`
    const nodeSelector = { 'berth.test/node': name }
    const room = { cpu: '8', memory: '8Gi', pods: '10' }
    const create = () => {
      const now = new Date().toISOString()
      const ready = { type: 'Ready', status: 'True', lastHeartbeatTime: now, lastTransitionTime: now }
      return createObject({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, labels: nodeSelector },
        spec: { taints: [{ key: 'dedicated', value: 'build', effect: 'NoSchedule' }] },
        status: { allocatable: room, capacity: room, conditions: [ready] },
      })
    }
    try {
      if (use.length < 2) await create()
      await use(nodeSelector, create)
    } finally {
      await harness.kubectl('delete', 'node', name, '--ignore-not-found')
    }
  }

  /**
   * Says by its Lease that a node is well, as a kubelet does, until what this gives is called. Of a node that says nothing
   * the cluster thinks after twenty seconds that it is lost, which a busy machine needs for a start.
   */
  async function keepAlive(node: string): Promise<() => Promise<void>> {
    const kubectl = (...args: string[]) => harness.kubectl(...args, '-n', 'kube-node-lease')
    const spec = () => ({
      holderIdentity: node,
      leaseDurationSeconds: 12,
      // In microseconds, and nothing else.
      renewTime: new Date().toISOString().replace('Z', '000Z'),
    })
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: node },
      spec: spec(),
    }
    await withFile(lease, (file) => kubectl('create', '-f', file))
    let silent = false
    const beating = (async () => {
      while (!silent) {
        const patch = JSON.stringify({ spec: spec() })
        await kubectl('patch', 'lease', node, '--type=merge', '-p', patch).catch(() => undefined)
        for (let waited = 0; waited < 30 && !silent; waited++)
          await new Promise((resolve) => setTimeout(resolve, 100))
      }
    })()
    return async () => {
      silent = true
      await beating
      await kubectl('delete', 'lease', node, '--ignore-not-found')
    }
  }

  /** As the kubelet of its node would, once it has one. */
  async function sayThatItRuns(pod: string): Promise<void> {
    // To wait for a condition of what is not there yet is a failure at once.
    const there = () => harness.kubectl('get', 'pod', pod, '--ignore-not-found', '-o', 'name')
    await expect.poll(there).not.toBe('')
    await harness.kubectl('wait', '--for=condition=PodScheduled', `pod/${pod}`, '--timeout=120s')
    const running = JSON.parse(await harness.kubectl('get', 'pod', pod, '-o', 'json')) as V1Pod
    const now = new Date()
    const { name, image = '' } = running.spec?.containers[0] ?? { name: '' }
    running.status = {
      ...running.status,
      phase: 'Running',
      conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
        type,
        status: 'True',
        lastTransitionTime: now,
      })),
      containerStatuses: [
        {
          name,
          image,
          imageID: 'docker://sha256:1',
          containerID: 'docker://1',
          ready: true,
          restartCount: 0,
          state: { running: { startedAt: now } },
        },
      ],
    }
    const path = `/api/v1/namespaces/${running.metadata?.namespace}/pods/${pod}/status`
    await withFile(running, (file) => harness.kubectl('replace', '--raw', path, '-f', file))
  }

  it('says how much CPU and memory is short', async () => {
    const options = { requests: { cpu: '4000', memory: '100Ti' } }
    const id = await make({ options })
    const found = await startProblem(id)
    expect(found.code).toBe('unschedulable')
    expect(found.cause).toContain('too little CPU left (the workspace asks for 4k)')
    expect(found.cause).toContain('too little memory left (the workspace asks for 100Ti)')
    // It goes on trying, and goes on saying why not.
    expect(await driver.diagnose(id, never)).toMatchObject([{ code: 'unschedulable' }])
  })

  it('names the node selector', async () => {
    const found = await startProblem(await make({ options: { nodeSelector: { disk: 'ssd' } } }))
    expect(found).toMatchObject({ code: 'unschedulable', cause: expect.stringContaining('disk=ssd') })
  })

  it('names a taint', async () => {
    await withNode(async (nodeSelector) => {
      const found = await startProblem(await make({ options: { nodeSelector, tolerations } }))
      // Since 1.35 the scheduler does not say which.
      const which = process.env.BERTH_TEST_KUBERNETES === 'current' ? '' : ': dedicated=build'
      expect(found).toMatchObject({
        code: 'unschedulable',
        cause: expect.stringContaining(`a taint that the workspace does not tolerate${which}`),
      })
    })
  })

  it('tells a lost node, and a pod that cannot end there', async () => {
    await withNode(async (nodeSelector, createNode) => {
      const tolerating = [...tolerations, { key: 'dedicated', operator: 'Exists' as const }]
      // Volumes of the other classes are on the cluster's real node.
      const id = await make({ options: { nodeSelector, tolerations: tolerating, storageClass: 'root-only' } })
      await createNode()
      const fallSilent = await keepAlive(nodeSelector['berth.test/node'] ?? '')
      try {
        const starting = driver.start(id, new Recorder(), never)
        starting.catch(() => undefined)
        await sayThatItRuns(`ws-${id}-0`)
        await starting
        expect(await driver.diagnose(id, never)).toEqual([])
      } finally {
        await fallSilent()
      }

      const told = async (words: string) => {
        for (;;) {
          const [found] = await driver.diagnose(id, never)
          if (found?.remedy.includes(words)) return found
          await new Promise((resolve) => setTimeout(resolve, 500))
        }
      }
      expect(await told('Wait for the node')).toMatchObject({
        code: 'node-lost',
        cause: expect.stringContaining('berth-'),
      })
      // No kubelet is there to say that it has ended.
      await harness.kubectl('delete', 'pod', `ws-${id}-0`, '--grace-period=1', '--wait=false')
      expect(await told('by force')).toMatchObject({ code: 'node-lost' })
      await harness.kubectl('scale', 'statefulset', `ws-${id}`, '--replicas=0')
      await harness.kubectl('delete', 'pod', `ws-${id}-0`, '--force', '--grace-period=0')
      expect(await driver.diagnose(id, never)).toEqual([])
    })
  })
})

describe('what the namespace does not admit', () => {
  it('says what of a quota is used up', async () => {
    await harness.makeQuota('tight', 'pods=0')
    try {
      const id = await make()
      const found = await startProblem(id)
      expect(found).toMatchObject({ code: 'quota-exceeded', cause: expect.stringContaining('"tight"') })
      expect(found.cause).toContain('1 of pods asked for, 0 of 0 in use')
      expect(await driver.diagnose(id, never)).toMatchObject([{ code: 'quota-exceeded' }])
    } finally {
      await harness.kubectl('delete', 'quota', 'tight')
    }
  })

  it('tells a LimitRange', async () => {
    await createObject({
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'small' },
      spec: { limits: [{ type: 'Container', max: { cpu: '100m' } }] },
    })
    try {
      const found = await startProblem(await make({ options: { limits: { cpu: '1' } } }))
      expect(found).toMatchObject({ code: 'limit-range', cause: expect.stringContaining('cpu') })
    } finally {
      await harness.kubectl('delete', 'limitrange', 'small')
    }
  })

  it('tells what another admission says', async () => {
    const id = await make()
    await inTemplate(id, {}, { priorityClassName: 'nobody-made-it' })
    const found = await startProblem(id)
    expect(found).toMatchObject({
      code: 'admission-denied',
      cause: expect.stringContaining('nobody-made-it'),
    })
  })
})

describe('volumes', () => {
  const withClass = async (fields: object, use: (name: string) => Promise<void>) => {
    const name = `berth-${newId()}`
    await createObject({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name },
      ...fields,
    })
    try {
      await use(name)
    } finally {
      await harness.kubectl('delete', 'storageclass', name)
    }
  }

  it('tells a storage class that there is not', async () => {
    const found = await startProblem(await make({ options: { storageClass: 'nobody-made-it' } }))
    expect(found).toMatchObject({
      code: 'storage-class-missing',
      cause: expect.stringContaining('nobody-made-it'),
    })
  })

  it('tells that there is no class at all for it', async () => {
    // An empty name asks for no class, and so for what a cluster without a default gives.
    const found = await startProblem(await make({ options: { storageClass: '' } }))
    expect(found).toMatchObject({
      code: 'storage-class-missing',
      cause: expect.stringContaining('no default'),
    })
  })

  it('tells that it could not be made', async () => {
    await withClass({ provisioner: 'kubernetes.io/glusterfs' }, async (storageClass) => {
      const found = await startProblem(await make({ options: { storageClass } }))
      // That it lacks an address; or, of servers since 1.26, that they do not know it any more.
      const cause = expect.stringMatching(/resturl|no volume plugin matched/)
      expect(found).toMatchObject({ code: 'volume-failed', cause })
    })
  })

  it('tells that nobody has made it yet, and waits', async () => {
    await withClass({ provisioner: 'berth.test/absent' }, async (storageClass) => {
      const id = await make({ options: { storageClass } })
      const problems = await whileStarting(id, (now) => now.length > 0)
      expect(problems).toMatchObject([
        { code: 'volume-pending', cause: expect.stringContaining('berth.test/absent') },
      ])
    })
  })
})

describe('containers', () => {
  it('shows the last lines of one that ends again and again', async () => {
    const id = await make({ definition: { overrideCommand: false, containerUser: '1000' } })
    await inTemplate(id, { command: ['sh', '-c', 'echo no such table: users >&2; exit 3'] })
    const found = await startProblem(id)
    expect(found).toMatchObject({
      code: 'workspace-exited',
      cause: expect.stringContaining('code 3'),
      detail: 'no such table: users',
    })
    expect(await whileStarting(id, (now) => now.length > 0)).toMatchObject([{ code: 'workspace-exited' }])
  })

  it('tells that it ran out of memory', async () => {
    const id = await make({
      definition: { overrideCommand: false, containerUser: '1000' },
      options: { limits: { memory: '32Mi' } },
    })
    await inTemplate(id, { command: ['sh', '-c', 'text=0123456789; while :; do text=$text$text; done'] })
    const found = await startProblem(id)
    expect(found).toMatchObject({
      title: 'The workspace ran out of memory',
      cause: expect.stringContaining('32Mi'),
    })
  })

  it('tells a Secret that is missing, and a key', async () => {
    const id = await make({ definition: { containerEnv: { TOKEN: `\${localEnv:HOME}` } } })
    const secret = `ws-${id}`
    await harness.kubectl('patch', 'secret', secret, '-p', '{"data":{"TOKEN":null}}')
    const key = await startProblem(id)
    expect(key).toMatchObject({ code: 'secret-missing', cause: expect.stringContaining('"TOKEN"') })
    await harness.kubectl('delete', 'secret', secret)
    const whole = await startProblem(id)
    expect(whole).toMatchObject({ code: 'secret-missing', cause: expect.stringContaining(secret) })
  })

  it('says nothing of one that runs, or was stopped', async () => {
    const id = await make()
    await driver.start(id, new Recorder(), never)
    expect(await driver.diagnose(id, never)).toEqual([])
    await driver.stop(id, { grace: 1_000 }, new Recorder(), never)
    expect(await driver.diagnose(id, never)).toEqual([])
  })
})
