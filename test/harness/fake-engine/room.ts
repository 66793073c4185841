import type { Namespaces, Room, Target } from '#contract'
import type { Scene } from './scenes'

const cluster: Target = {
  id: 'kubernetes:aks-prod-westeurope/team-tides',
  kind: 'kubernetes',
  name: 'aks-prod-westeurope/team-tides',
  endpoint: 'https://aks-prod-3f2a.hcp.westeurope.azmk8s.io:443',
  isDefault: true,
  state: 'ready',
  version: '1.33.4',
  apiVersion: '1.33',
  platform: 'linux/amd64',
  latency: 31,
  identity: 'maria@example.com',
  capabilities: { bindMounts: false, build: false, keepsContainerFiles: false, endsForSure: false },
  denied: [],
}

const limited: Target = {
  ...cluster,
  id: 'kubernetes:aks-prod-westeurope/shared',
  name: 'aks-prod-westeurope/shared',
  isDefault: false,
  restriction: {
    code: 'target-forbidden',
    title: 'Not all of Berth works on "aks-prod-westeurope/shared"',
    cause:
      '"maria@example.com" may not create, patch statefulsets.apps in the namespace "shared", so there are no new workspaces and changes.',
    remedy:
      'Ask whoever runs the cluster for the Role in resources/kubernetes/role.yaml, which is the least that Berth needs.',
    detail: 'create, patch statefulsets.apps',
  },
  denied: [
    { action: 'create', rights: ['create statefulsets.apps', 'patch statefulsets.apps'] },
    { action: 'rebuild', rights: ['create statefulsets.apps', 'patch statefulsets.apps'] },
  ],
}

const gone: Target = {
  ...cluster,
  id: 'kubernetes:minikube/lab',
  name: 'minikube/lab',
  endpoint: 'https://192.168.49.2:8443',
  isDefault: false,
  state: 'unreachable',
  problem: {
    code: 'namespace-missing',
    title: 'There is no namespace "lab"',
    cause: 'The cluster "minikube" has none of this name.',
    remedy: 'Make the namespace, or choose another one for this context.',
  },
}

export const roomScene: Scene = { targets: [cluster, limited, gone] }

export const room: Room = {
  allowances: [
    { quota: 'team', resource: 'requests.cpu', limit: '16', used: '6500m', left: '9.5', share: 0.41 },
    { quota: 'team', resource: 'limits.cpu', limit: '32', used: '27', left: '5', share: 0.84 },
    { quota: 'team', resource: 'requests.memory', limit: '64Gi', used: '31Gi', left: '33Gi', share: 0.48 },
    { quota: 'team', resource: 'limits.memory', limit: '96Gi', used: '62Gi', left: '34Gi', share: 0.65 },
    { quota: 'team', resource: 'requests.storage', limit: '500Gi', used: '500Gi', left: '0', share: 1 },
    { quota: 'team', resource: 'requests.nvidia.com/gpu', limit: '2', used: '1', left: '1', share: 0.5 },
  ],
  bounds: [{ of: 'container', resource: 'cpu', max: '8', defaultRequest: '250m', defaultLimit: '2' }],
  storageClasses: [
    { name: 'managed-csi', isDefault: true, grows: true },
    { name: 'azurefile', isDefault: false, grows: false },
  ],
  unknown: [],
}

export const shortOfRoom: Room = {
  ...room,
  problem: {
    code: 'quota-exceeded',
    title: 'The workspace does not fit into the namespace "team-tides"',
    cause: 'Storage: 10Gi asked for, 0 of 500Gi left in the quota "team".',
    remedy:
      'Ask for less, stop or delete what you do not need in this namespace, choose another namespace, or ask for a larger quota.',
    detail: 'team: requests.storage requested 10Gi, used 500Gi, limited 500Gi',
  },
}

export const namespaces: Namespaces = {
  context: 'aks-prod-westeurope',
  chosen: ['team-tides', 'shared'],
  all: ['default', 'team-tides', 'shared', 'kube-system'],
  mayCreate: false,
}
