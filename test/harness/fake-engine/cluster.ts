import type { Problem, ProblemAction, Target, Workspace } from '#contract'
import { type Scene, workspace } from './scenes'

const target: Target = {
  id: 'kubernetes:research/team',
  kind: 'kubernetes',
  name: 'research',
  endpoint: 'https://10.20.0.4:6443',
  isDefault: true,
  state: 'ready',
  version: '1.33.4',
  platform: 'linux/amd64',
  latency: 41,
  capabilities: { bindMounts: false, build: false, keepsContainerFiles: false, endsForSure: false },
}

const action = (
  verb: Extract<ProblemAction, { kind: 'workspace' }>['verb'],
  label: string,
  workspaceId: string,
): ProblemAction => ({ kind: 'workspace', label, verb, workspaceId })

const lost: Problem = {
  code: 'node-lost',
  title: 'The node of the workspace does not answer',
  cause:
    'The cluster has not heard of "worker-7" for a while, so nobody can say that the workspace has ended there, and it is started nowhere else.',
  remedy:
    'Wait for the node to come back, or end the pod by force if you know that the node is off. Source and home are kept.',
  actions: [action('force-stop', 'End by force…', 'klost00001')],
}

/** What a look into a workspace of this scene says. */
export const diagnoses: Readonly<Record<string, readonly Problem[]>> = {
  kwait00001: [
    {
      code: 'unschedulable',
      title: 'No node can run the workspace',
      cause: 'Of 3 nodes, 3 have too little memory left (the workspace asks for 64Gi).',
      remedy: 'Ask for less, wait until others end, or ask whoever runs the cluster for larger nodes.',
      detail: '0/3 nodes are available: 3 Insufficient memory.',
      actions: [action('start', 'Try again', 'kwait00001'), action('stop', 'Stop trying…', 'kwait00001')],
    },
  ],
}

const onCluster = (fields: Parameters<typeof workspace>[0]): Workspace =>
  workspace({
    targetId: target.id,
    instance: `ws-${fields.id}-0`,
    volume: { size: '10Gi', storageClass: 'standard' },
    ...fields,
  })

/** Workspaces on a cluster: one that is well, one whose volume grows, one that waits for a node, one whose node is lost. */
export const clusterScene: Scene = {
  targets: [target],
  workspaces: [
    onCluster({ id: 'kwell00001', name: 'atlas', state: 'running', reason: 'Running' }),
    onCluster({
      id: 'kgrow00001',
      name: 'imagery',
      state: 'running',
      reason: 'Running',
      volume: {
        size: '10Gi',
        asked: '50Gi',
        waitsFor: 'Its file system grows on its node, at the latest when the workspace starts next',
        storageClass: 'standard',
      },
    }),
    onCluster({
      id: 'kwait00001',
      name: 'training',
      state: 'starting',
      reason: 'Waiting for a node: 0/3 nodes are available: 3 Insufficient memory.',
    }),
    onCluster({
      id: 'klost00001',
      name: 'forecast',
      state: 'failed',
      reason: 'Its node does not answer, so its pod does not end',
      problem: lost,
    }),
  ],
}
