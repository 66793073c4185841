import type { CoreV1Event, V1ContainerStatus, V1PersistentVolumeClaim, V1Pod } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { NOT_WRITABLE } from '../workspace/prepare'
import { type Findings, judgeAll } from './diagnose'

// What API servers, schedulers and kubelets of 1.20 and later write, shortened where that changes nothing.
const NOW = Date.parse('2024-05-01T10:00:00Z')
const at = (seconds: number) => new Date(NOW + seconds * 1_000)

const event = (
  kind: 'Pod' | 'StatefulSet' | 'PersistentVolumeClaim',
  reason: string,
  message: string,
  { type = 'Warning', seconds = -5 } = {},
): CoreV1Event =>
  ({
    metadata: { name: `${reason}.1` },
    involvedObject: { kind, name: 'ws-tabcdefghi' },
    type,
    reason,
    message,
    lastTimestamp: at(seconds),
  }) as CoreV1Event

interface PodFields {
  readonly spec?: object
  readonly status?: V1Pod['status']
  readonly metadata?: V1Pod['metadata']
}

const pod = ({ spec, status, metadata }: PodFields = {}): V1Pod => ({
  metadata: { name: 'ws-tabcdefghi-0', uid: 'pod-1', ...metadata },
  spec: {
    nodeName: 'worker-1',
    containers: [
      { name: 'workspace', image: 'ghcr.io/acme/dev:1', resources: { limits: { memory: '512Mi' } } },
    ],
    ...spec,
  },
  status: { phase: 'Pending', ...status },
})

const container = (fields: Partial<V1ContainerStatus>): V1Pod =>
  pod({
    status: {
      containerStatuses: [
        {
          name: 'workspace',
          image: 'ghcr.io/acme/dev:1',
          imageID: '',
          ready: false,
          restartCount: 0,
          ...fields,
        },
      ],
    },
  })

const waiting = (reason: string, message?: string) =>
  container({ state: { waiting: { reason, ...(message !== undefined && { message }) } } })

const unscheduled = (message: string, spec: object = {}) =>
  pod({
    spec: { nodeName: undefined, ...spec },
    status: {
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
    },
  })

const claim = (phase: string, fields: Partial<V1PersistentVolumeClaim> = {}): V1PersistentVolumeClaim => ({
  metadata: { name: 'ws-tabcdefghi', creationTimestamp: at(-60) },
  spec: { storageClassName: 'fast' },
  status: { phase },
  ...fields,
})

const look = (findings: Partial<Findings>, replicas = 1) =>
  judgeAll({
    statefulSet: { spec: { replicas, selector: {}, template: {}, serviceName: '' } },
    claim: claim('Bound'),
    pod: undefined,
    events: [],
    now: NOW,
    ...findings,
  })

describe('what is well or getting there', () => {
  it('says nothing of a pod that runs, is pulled, or is only just made', () => {
    expect(look({ pod: container({ state: { running: { startedAt: at(-5) } } }) })).toBeUndefined()
    const pulling = event('Pod', 'Pulling', 'Pulling image "ghcr.io/acme/dev:1"', {
      type: 'Normal',
      seconds: -900,
    })
    expect(look({ pod: waiting('ContainerCreating'), events: [pulling] })).toBeUndefined()
    expect(look({ claim: claim('Pending') }, 0)).toBeUndefined()
    expect(look({})).toBeUndefined()
    expect(look({ pod: pod() })).toBeUndefined()
  })

  it('says nothing of what was refused before it was made', () => {
    const events = [
      event('StatefulSet', 'FailedCreate', 'exceeded quota: q', { seconds: -30 }),
      event('StatefulSet', 'SuccessfulCreate', 'create Pod ws-tabcdefghi-0 in StatefulSet successful', {
        type: 'Normal',
      }),
    ]
    expect(look({ events })).toBeUndefined()
  })

  it('says nothing of a mount that has succeeded since', () => {
    const events = [
      event('Pod', 'FailedMount', 'MountVolume.SetUp failed for volume "pvc-1"', { seconds: -30 }),
      event('Pod', 'Pulling', 'Pulling image', { type: 'Normal' }),
    ]
    expect(look({ pod: waiting('ContainerCreating'), events })).toBeUndefined()
  })

  it('says nothing of what happened to another object of the same name', () => {
    const failure = event('Pod', 'FailedMount', 'MountVolume.SetUp failed for volume "pvc-1"')
    const others = { ...failure, involvedObject: { ...failure.involvedObject, uid: 'pod-0' } }
    expect(look({ pod: waiting('ContainerCreating'), events: [others] })).toBeUndefined()
  })

  it('lets a pod end in its time', () => {
    expect(look({ pod: pod({ metadata: { deletionTimestamp: at(10) } }) })).toBeUndefined()
  })
})

describe('images', () => {
  it.each([
    [
      'image-not-found',
      'rpc error: code = NotFound desc = failed to pull and unpack image "ghcr.io/acme/dev:1": ghcr.io/acme/dev:1: not found',
    ],
    [
      'image-not-found',
      'Error response from daemon: pull access denied for acme/dev, repository does not exist or may require docker login',
    ],
    [
      'registry-auth',
      'failed to authorize: failed to fetch anonymous token: unexpected status from GET request: 401 Unauthorized',
    ],
    ['registry-unreachable', 'dial tcp: lookup ghcr.invalid on 10.0.0.10:53: no such host'],
  ])('%s', (code, message) => {
    const found = look({ pod: waiting('ErrImagePull', message) })
    expect(found).toMatchObject({ code, detail: message })
  })

  it('names the pull secret that is not there', () => {
    const events = [
      event(
        'Pod',
        'FailedToRetrieveImagePullSecret',
        'Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.',
      ),
    ]
    const found = look({ pod: waiting('ErrImagePull', '401 Unauthorized'), events })
    expect(found?.code).toBe('registry-auth')
    expect(found?.cause).toContain('regcred')
  })
})

describe('nodes', () => {
  it.each([
    'preemption: 0/4 nodes are available: 4 No preemption victims found for incoming pod.',
    // 1.34 and later.
    'no new claims to deallocate, preemption: 0/4 nodes are available: 4 No preemption victims found for incoming pod.',
  ])('says how much CPU and memory were asked for, and in how many nodes that is short: %s', (rest) => {
    const spec = {
      containers: [{ name: 'workspace', resources: { requests: { cpu: '64', memory: '1Ti' } } }],
    }
    const message = `0/4 nodes are available: 1 Insufficient memory, 3 Insufficient cpu. ${rest}`
    const found = look({ pod: unscheduled(message, spec) })
    expect(found?.code).toBe('unschedulable')
    expect(found?.cause).toBe(
      'Of 4 nodes, 1 has too little memory left (the workspace asks for 1Ti); 3 have too little CPU left (the workspace asks for 64).',
    )
    expect(found?.remedy).toMatch(/less memory.*less CPU/)
  })

  it.each([
    ["0/1 nodes are available: 1 node(s) had taint {dedicated: build}, that the pod didn't tolerate."],
    [
      '0/1 nodes are available: 1 node(s) had untolerated taint {dedicated: build}. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
    ],
    ['0/1 nodes are available: 1 node(s) had untolerated taint(s) {dedicated: build}.'],
  ])('names the taint: %s', (message) => {
    const found = look({ pod: unscheduled(message) })
    expect(found?.cause).toBe(
      'Of 1 node, 1 has a taint that the workspace does not tolerate: dedicated=build.',
    )
    expect(found?.remedy).toContain('toleration')
  })

  it('tells a taint that servers since 1.35 have no name for', () => {
    const message =
      '0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.'
    const found = look({ pod: unscheduled(message) })
    expect(found?.cause).toBe('Of 1 node, 1 has a taint that the workspace does not tolerate.')
    expect(found?.remedy).toContain('toleration')
  })

  it.each([
    ["0/2 nodes are available: 2 node(s) didn't match node selector."],
    ["0/2 nodes are available: 2 node(s) didn't match Pod's node affinity."],
    [
      "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
    ],
  ])('names the selector: %s', (message) => {
    const found = look({ pod: unscheduled(message, { nodeSelector: { disk: 'ssd' } }) })
    expect(found?.cause).toBe('Of 2 nodes, 2 do not match its node selector disk=ssd.')
  })

  it('tells several reasons, GPUs and cordoned nodes among them', () => {
    const found = look({
      pod: unscheduled(
        "0/6 nodes are available: 1 node(s) had taint {node-role.kubernetes.io/master: }, that the pod didn't tolerate, 2 Insufficient nvidia.com/gpu, 1 node(s) were unschedulable, 1 node(s) had taint {node.kubernetes.io/not-ready: }, that the pod didn't tolerate, 1 Too many pods.",
      ),
    })
    expect(found?.cause).toBe(
      'Of 6 nodes, 1 has a taint that the workspace does not tolerate: node-role.kubernetes.io/master; 2 have too little nvidia.com/gpu left; 1 takes no new pods at the moment; 1 is not well: not-ready; 1 has as many pods as a node may have.',
    )
  })

  it('tells a volume that is on other nodes', () => {
    const message =
      "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity, 1 node(s) had volume node affinity conflict."
    const found = look({ pod: unscheduled(message, { nodeSelector: { disk: 'ssd' } }) })
    expect(found?.cause).toBe(
      'Of 2 nodes, 1 does not match its node selector disk=ssd; 1 cannot have its volume: had volume node affinity conflict.',
    )
  })

  it('says so where there are no nodes, or the words are new', () => {
    expect(look({ pod: unscheduled('no nodes available to schedule pods') })?.cause).toMatch(/no nodes/)
    expect(look({ pod: unscheduled('the moon is in the way') })?.cause).toContain('the moon is in the way')
  })

  it('tells a lost node, and a pod that cannot end there', () => {
    const lost = {
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }],
      },
    }
    expect(look({ pod: pod(lost) })).toMatchObject({
      code: 'node-lost',
      cause: expect.stringContaining('worker-1'),
    })
    // What the node controller leaves of a pod that was well.
    const left = ['Ready', 'ContainersReady'].map((type) => ({
      type,
      status: type === 'Ready' ? 'False' : 'True',
    }))
    const running = container({ ready: true, state: { running: { startedAt: at(-500) } } })
    const status = { ...running.status, conditions: left }
    expect(look({ pod: { ...running, status } })?.code).toBe('node-lost')
    const ending = { metadata: { deletionTimestamp: at(-300) } }
    const stuck = look({ pod: pod({ ...lost, ...ending }) })
    expect(stuck).toMatchObject({ code: 'node-lost', remedy: expect.stringContaining('force') })
    // What newer clusters leave: the pod is not ready, and the events say why.
    const evicted = event('Pod', 'TaintManagerEviction', 'Marking for deletion Pod dev/ws-tabcdefghi-0')
    expect(look({ pod: pod(ending), events: [evicted] })?.code).toBe('node-lost')
    expect(look({ pod: pod(ending) }, 0)?.code).toBe('node-lost')
  })

  it('names what holds a pod back from ending', () => {
    const metadata = { deletionTimestamp: at(-300), finalizers: ['example.org/hold'] }
    expect(look({ pod: pod({ metadata }) })?.cause).toContain('example.org/hold')
  })

  it('tells an eviction', () => {
    const message = 'The node was low on resource: memory. Container workspace was using 3Gi.'
    const found = look({ pod: pod({ status: { phase: 'Failed', reason: 'Evicted', message } }) })
    expect(found).toMatchObject({ code: 'workspace-exited', cause: message })
  })
})

describe('what the namespace does not admit', () => {
  const refused = (message: string) =>
    look({
      events: [
        event(
          'StatefulSet',
          'FailedCreate',
          `create Pod ws-tabcdefghi-0 in StatefulSet ws-tabcdefghi failed error: ${message}`,
        ),
      ],
    })

  it('says what of a quota is used up', () => {
    const found = refused(
      'pods "ws-tabcdefghi-0" is forbidden: exceeded quota: compute, requested: requests.cpu=2,requests.memory=1Gi, used: requests.cpu=1,requests.memory=3Gi, limited: requests.cpu=2,requests.memory=3Gi',
    )
    expect(found?.code).toBe('quota-exceeded')
    expect(found?.cause).toBe(
      'The quota "compute" of the namespace does not allow it: 2 of requests.cpu asked for, 1 of 2 in use; 1Gi of requests.memory asked for, 3Gi of 3Gi in use',
    )
  })

  it.each([
    'must specify limits.cpu,limits.memory',
    'must specify limits.cpu for: workspace; limits.memory for: workspace',
  ])('says what a quota wants to be set: %s', (words) => {
    const found = refused(`pods "ws-tabcdefghi-0" is forbidden: failed quota: compute: ${words}`)
    expect(found?.code).toBe('quota-exceeded')
    expect(found?.cause).toMatch(/limits\.cpu.*limits\.memory.* to be set/)
    expect(found?.remedy).toContain('options')
  })

  it('tells a LimitRange', () => {
    const found = refused(
      'pods "ws-tabcdefghi-0" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, but limit is 2Gi]',
    )
    expect(found).toMatchObject({ code: 'limit-range' })
    expect(found?.cause).toMatch(/: maximum cpu usage .* limit is 2Gi$/)
    const defaults = refused(
      'Pod "ws-tabcdefghi-0" is invalid: spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit',
    )
    expect(defaults).toMatchObject({ code: 'limit-range', remedy: expect.stringContaining('cpu') })
  })

  it('tells Pod Security, webhooks, policies and other rules', () => {
    const security = refused(
      'pods "ws-tabcdefghi-0" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true (pod or container "workspace" must set securityContext.runAsNonRoot=true)',
    )
    expect(security).toMatchObject({ code: 'admission-denied', remedy: expect.stringContaining('root') })
    const webhook = refused(
      'admission webhook "validation.gatekeeper.sh" denied the request: [team-label] you must provide labels: {"team"}',
    )
    expect(webhook?.cause).toContain('you must provide labels')
    const other = refused('pods "ws-tabcdefghi-0" is forbidden: no PriorityClass with name x was found')
    expect(other).toMatchObject({ code: 'admission-denied', cause: expect.stringContaining('PriorityClass') })
    const ending = refused(
      'pods "ws-tabcdefghi-0" is forbidden: unable to create new content in namespace dev because it is being terminated',
    )
    expect(ending?.code).toBe('namespace-missing')
  })
})

describe('volumes', () => {
  const unbound = unscheduled('0/1 nodes are available: 1 pod has unbound immediate PersistentVolumeClaims.')
  const told = (...events: CoreV1Event[]) => look({ pod: unbound, claim: claim('Pending'), events })

  it('tells that there is no default storage class, or not the one asked for', () => {
    const none = event(
      'PersistentVolumeClaim',
      'FailedBinding',
      'no persistent volumes available for this claim and no storage class is set',
      { type: 'Normal' },
    )
    expect(told(none)).toMatchObject({
      code: 'storage-class-missing',
      cause: expect.stringContaining('default'),
    })
    const unknown = event(
      'PersistentVolumeClaim',
      'ProvisioningFailed',
      'storageclass.storage.k8s.io "quick" not found',
    )
    expect(told(unknown)).toMatchObject({
      code: 'storage-class-missing',
      cause: expect.stringContaining('"quick"'),
    })
  })

  it('tells that a volume could not be made', () => {
    const failure = event(
      'PersistentVolumeClaim',
      'ProvisioningFailed',
      'failed to provision volume with StorageClass "fast": rpc error: code = ResourceExhausted desc = disk quota exceeded',
    )
    expect(told(failure)).toMatchObject({
      code: 'volume-failed',
      cause: expect.stringContaining('ResourceExhausted'),
    })
  })

  it('tells that one is not there yet, once that takes longer than usual', () => {
    const waits = event(
      'PersistentVolumeClaim',
      'ExternalProvisioning',
      'waiting for a volume to be created, either by external provisioner "csi.example.org" or manually created by system administrator',
      { type: 'Normal' },
    )
    const metadata = {
      creationTimestamp: at(-60),
      annotations: { 'volume.beta.kubernetes.io/storage-provisioner': 'csi.example.org' },
    }
    const found = look({ pod: unbound, claim: claim('Pending', { metadata }), events: [waits] })
    expect(found).toMatchObject({ code: 'volume-pending', cause: expect.stringContaining('csi.example.org') })
    const fresh = claim('Pending', { metadata: { ...metadata, creationTimestamp: at(-3) } })
    expect(look({ pod: unbound, claim: fresh, events: [waits] })).toBeUndefined()
  })

  it('tells one that is gone, on another node, or cannot be mounted', () => {
    expect(look({ claim: claim('Lost') }, 0)?.code).toBe('volume-failed')
    const attach = event(
      'Pod',
      'FailedAttachVolume',
      'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node and can\'t be attached to another',
    )
    expect(look({ pod: waiting('ContainerCreating'), events: [attach] })?.code).toBe('volume-pending')
    const mount = event(
      'Pod',
      'FailedMount',
      'MountVolume.MountDevice failed for volume "pvc-1" : exit status 32',
    )
    expect(look({ pod: waiting('ContainerCreating'), events: [mount] })?.code).toBe('volume-failed')
  })

  it('tells that it could not grow, though the workspace runs', () => {
    const small = claim('Bound', {
      spec: { resources: { requests: { storage: '20Gi' } } },
      status: { phase: 'Bound', capacity: { storage: '10Gi' } },
    })
    const failure = event(
      'PersistentVolumeClaim',
      'VolumeResizeFailed',
      'resize volume failed: not enough room',
    )
    const running = container({ state: { running: { startedAt: at(-5) } } })
    expect(look({ pod: running, claim: small, events: [failure] })?.cause).toContain('10Gi')
  })
})

describe('containers', () => {
  it('shows the last lines of one that ends again and again', () => {
    const crashing = container({
      restartCount: 4,
      state: {
        waiting: { reason: 'CrashLoopBackOff', message: 'back-off 1m20s restarting failed container' },
      },
      lastState: { terminated: { exitCode: 3, reason: 'Error', message: 'from the status' } },
    })
    expect(look({ pod: crashing, log: 'cannot open /data\n' })).toMatchObject({
      code: 'workspace-exited',
      cause: expect.stringContaining('code 3'),
      detail: 'cannot open /data',
    })
    expect(look({ pod: crashing })?.detail).toBe('from the status')
  })

  it('tells a volume that its user cannot write to', () => {
    const prepare = {
      name: 'prepare',
      image: 'ghcr.io/acme/dev:1',
      imageID: '',
      ready: false,
      restartCount: 1,
      state: { terminated: { exitCode: NOT_WRITABLE, reason: 'Error', message: 'mkdir: Permission denied' } },
    }
    const found = look({ pod: pod({ status: { initContainerStatuses: [prepare] } }) })
    expect(found).toMatchObject({ code: 'permission-denied', detail: 'mkdir: Permission denied' })
  })

  it('says how much memory it had', () => {
    const killed = container({
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
    })
    expect(look({ pod: killed })).toMatchObject({
      code: 'workspace-exited',
      title: 'The workspace ran out of memory',
      cause: expect.stringContaining('512Mi'),
    })
  })

  it.each([
    ['secret "ws-tabcdefghi" not found', 'Secret "ws-tabcdefghi"'],
    ["couldn't find key TOKEN in Secret dev/ws-tabcdefghi", 'no key "TOKEN"'],
    ['configmap "settings" not found', 'ConfigMap "settings"'],
  ])('tells what is missing: %s', (message, words) => {
    const found = look({ pod: waiting('CreateContainerConfigError', message) })
    expect(found).toMatchObject({ code: 'secret-missing', cause: expect.stringContaining(words) })
  })

  it('tells an image that wants root', () => {
    const found = look({
      pod: waiting(
        'CreateContainerConfigError',
        'container has runAsNonRoot and image will run as root (pod: "…")',
      ),
    })
    expect(found?.code).toBe('admission-denied')
  })

  it('tells what else a node says', () => {
    const found = look({ pod: waiting('RunContainerError', 'exec: "/start": permission denied: unknown') })
    expect(found).toMatchObject({ code: 'create-failed', cause: expect.stringContaining('/start') })
    const sandbox = event('Pod', 'FailedCreatePodSandBox', 'failed to set up pod network: no addresses left')
    expect(look({ pod: waiting('ContainerCreating'), events: [sandbox] })?.cause).toContain(
      'no addresses left',
    )
  })
})
