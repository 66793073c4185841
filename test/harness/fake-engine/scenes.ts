import type {
  CollectionName,
  CollectionRecord,
  Definition,
  Operation,
  Problem,
  Session,
  Target,
  Workspace,
} from '#contract'
import { port, ports } from './ports'
import { minute, now } from './time'

/** Everything a window can be shown: the records of each collection. */
export type Scene = { [N in CollectionName]?: readonly CollectionRecord<N>[] }

export const definition: Definition = {
  version: 1,
  title: 'Python 3',
  format: 'devcontainer',
  path: '.devcontainer/devcontainer.json',
  image: 'mcr.microsoft.com/devcontainers/python:3.12',
  workspaceFolder: '/workspaces/atlas',
  remoteUser: 'vscode',
  containerEnv: { PYTHONUNBUFFERED: '1' },
  remoteEnv: {},
  mounts: [{ type: 'volume', source: 'atlas-cache', target: '/home/vscode/.cache' }],
  init: true,
  overrideCommand: true,
  forwardPorts: [8501],
  portsAttributes: { '8501': { label: 'Streamlit', onAutoForward: 'openBrowserOnce' } },
  lifecycle: { postCreateCommand: 'pip install -r requirements.txt', postStartCommand: ['make', 'serve'] },
  waitFor: 'updateContentCommand',
  features: [],
  services: [],
  tasks: [
    { name: 'Web', automatic: true, command: 'streamlit run app.py', env: {} },
    { name: 'test', label: 'Run the tests', automatic: false, command: 'pytest -q', env: {} },
  ],
  repositories: [],
  secrets: [],
  notApplied: [
    {
      field: 'shutdownAction',
      reason: 'workspaces run until you stop them, whether or not a window is open',
    },
    { field: 'shutdownAction', reason: 'workspaces run until you stop them' },
  ],
}

const dbData = {
  type: 'volume',
  source: 'pgdata',
  target: '/var/lib/postgresql/data',
  ofWorkspace: true,
} as const
const beside = { env: {}, restart: 'always' } as const

/** What is beside a workspace, as a definition has it. */
const services: Definition['services'] = [
  {
    ...beside,
    name: 'db',
    image: 'postgres:16',
    ports: [5432],
    mounts: [dbData],
    aliases: [],
    dependsOn: [],
  },
  { ...beside, name: 'cache', image: 'redis:7', ports: [6379], mounts: [], aliases: [], dependsOn: [] },
]

export const problems = {
  unreachable: {
    code: 'target-unreachable',
    title: 'Docker does not answer',
    cause: 'Nothing listens on /var/run/docker.sock.',
    remedy:
      'Start Docker, for instance with “systemctl start docker”. Berth goes on by itself when it answers.',
    detail:
      'connect ENOENT /var/run/docker.sock\n    at PipeConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)',
    actions: [
      { kind: 'probe', label: 'Check again', targetId: 'docker:default' },
      { kind: 'copy', label: 'Copy command', text: 'sudo systemctl start docker' },
    ],
  },
  lifecycle: {
    code: 'lifecycle-failed',
    title: 'postCreateCommand failed',
    cause: '“pip install -r requirements.txt” ended with exit code 1.',
    remedy: 'Read its output below, correct the command or the requirements, and rebuild.',
    detail:
      'ERROR: Could not find a version that satisfies the requirement streamlitt (from versions: none)\nERROR: No matching distribution found for streamlitt',
    actions: [{ kind: 'workspace', label: 'Rebuild', verb: 'rebuild', workspaceId: 'wfailed001' }],
  },
} satisfies Record<string, Problem>

const capabilities = {
  bindMounts: false,
  build: true,
  keepsContainerFiles: true,
  endsForSure: true,
  prebuilds: true,
  keepsSnapshots: true,
}

export const targets: readonly Target[] = [
  {
    id: 'docker:default',
    kind: 'docker',
    name: 'default',
    endpoint: 'unix:///var/run/docker.sock',
    isDefault: true,
    state: 'ready',
    version: '27.3.1',
    apiVersion: '1.47',
    platform: 'linux/amd64',
    latency: 2.4,
    capabilities: { ...capabilities, bindMounts: true },
  },
  {
    id: 'docker:buildbox',
    kind: 'docker',
    name: 'buildbox',
    endpoint: 'ssh://dev@buildbox.lab.example',
    isDefault: false,
    state: 'ready',
    version: '24.0.9',
    apiVersion: '1.43',
    platform: 'linux/arm64',
    latency: 38,
    capabilities,
  },
]

export const downTarget: Target = {
  id: 'docker:old-server',
  kind: 'docker',
  name: 'old-server',
  endpoint: 'tcp://10.0.0.12:2376',
  isDefault: false,
  state: 'unreachable',
  problem: {
    code: 'tls-failed',
    title: 'The certificate of old-server has expired',
    cause: 'Its certificate was valid until 3 March.',
    remedy:
      'Renew the certificate on the server, or take the context away with “docker context rm old-server”.',
    detail: 'CERT_HAS_EXPIRED: certificate has expired',
  },
}

export function workspace(
  fields: Partial<Workspace> & Pick<Workspace, 'id' | 'name' | 'state' | 'reason'>,
): Workspace {
  return {
    targetId: 'docker:default',
    source: { kind: 'git', url: `https://github.com/acme/${fields.name}` },
    definition: { ...definition, workspaceFolder: `/workspaces/${fields.name}` },
    image: definition.image ?? '',
    user: { name: 'vscode', uid: 1000, gid: 1000, home: '/home/vscode', shell: '/bin/bash' },
    owner: 'maria',
    createdAt: now - 3 * 24 * 60 * minute,
    ...(fields.state === 'running' ? { startedAt: now - 42 * minute, incarnation: 'one' } : {}),
    instance: `berth-${fields.name}`,
    ...fields,
  }
}

const workspaces: readonly Workspace[] = [
  workspace({
    id: 'watlas0001',
    name: 'atlas',
    state: 'running',
    reason: 'Ready for 42 min',
    idle: { minutes: 30, whileClosed: true },
    definition: { ...definition, workspaceFolder: '/workspaces/atlas', services },
    services: [
      { name: 'db', image: 'postgres:16', state: 'healthy', reason: 'Healthy' },
      { name: 'cache', image: 'redis:7', state: 'running', reason: 'Running' },
    ],
  }),
  workspace({
    id: 'wbilling01',
    name: 'billing-service',
    state: 'running',
    reason: 'Ready for 3 h',
    targetId: 'docker:buildbox',
    definition: {
      ...definition,
      workspaceFolder: '/workspaces/billing-service',
      build: { dockerfile: 'Dockerfile', context: '.', args: {} },
    },
    source: {
      kind: 'git',
      url: 'git@gitlab.example.com:payments/billing-service.git',
      ref: { kind: 'branch', name: 'feature/invoice-rounding-for-very-long-branch-names' },
    },
  }),
  workspace({
    id: 'wdocs00001',
    name: 'docs',
    state: 'stopped',
    reason: 'Stopped by Berth after 30 minutes without activity; last: typed in vim',
    source: { kind: 'folder', path: '/home/maria/src/docs' },
    idle: { minutes: 30, whileClosed: false },
    lastStop: {
      at: now - 90 * minute,
      reason: 'Stopped by Berth after 30 minutes without activity; last: typed in vim',
    },
  }),
  workspace({
    id: 'wfailed001',
    name: 'forecast',
    state: 'failed',
    reason: 'postCreateCommand ended with exit code 1',
    problem: problems.lifecycle,
  }),
  workspace({
    id: 'wplay00001',
    name: 'scratchpad',
    state: 'stopped',
    reason: 'Exited by itself with code 0',
    source: { kind: 'image', image: 'debian:bookworm' },
    createdAt: now - 20 * minute,
  }),
  workspace({
    id: 'wstart0001',
    name: 'storefront',
    state: 'starting',
    reason: 'Waiting for the container',
    createdAt: now - 5 * 60 * minute,
  }),
]

const startOperation: Operation = {
  id: 'op-start',
  kind: 'start',
  workspaceId: 'wstart0001',
  workspaceName: 'storefront',
  targetId: 'docker:default',
  state: 'running',
  cancelling: false,
  startedAt: now - 4000,
  steps: [
    { id: 'start', title: 'Start the container', state: 'done', startedAt: now - 4000, endedAt: now - 3200 },
    {
      id: 'postStartCommand',
      title: 'Run postStartCommand',
      state: 'running',
      startedAt: now - 3200,
      detail: 'make serve',
    },
  ],
}

export function session(fields: Partial<Session> & Pick<Session, 'id' | 'workspaceId' | 'title'>): Session {
  return {
    command: null,
    state: 'running',
    columns: 80,
    rows: 24,
    createdAt: now - 5 * minute,
    ...fields,
  }
}

const sessions: readonly Session[] = [
  session({ id: 'sapp', workspaceId: 'watlas0001', title: 'streamlit run app.py' }),
  session({ id: 'sbash', workspaceId: 'watlas0001', title: 'bash', createdAt: now - 4 * minute }),
  session({
    id: 'sended',
    workspaceId: 'watlas0001',
    title: 'bash 2',
    createdAt: now - 3 * minute,
    state: 'ended',
    end: { reason: 'exited', exitCode: 130, message: 'The shell ended with exit code 130.' },
  }),
]

export const createOperation: Operation = {
  id: 'op-create',
  kind: 'create',
  workspaceId: 'wcreate001',
  workspaceName: 'atlas',
  targetId: 'docker:default',
  state: 'running',
  cancelling: false,
  startedAt: now - 31_000,
  steps: [
    {
      id: 'definition',
      title: 'Read the definition',
      state: 'done',
      startedAt: now - 31_000,
      endedAt: now - 29_200,
      detail: '.devcontainer/devcontainer.json',
    },
    {
      id: 'clone',
      title: 'Clone the repository',
      state: 'done',
      startedAt: now - 29_200,
      endedAt: now - 21_000,
      detail: '4 210 objects',
    },
    {
      id: 'image',
      title: 'Pull the image',
      state: 'running',
      startedAt: now - 21_000,
      detail: 'mcr.microsoft.com/devcontainers/python:3.12',
      progress: { current: 184_300_000, total: 412_000_000, unit: 'bytes' },
    },
    { id: 'create', title: 'Create the container', state: 'pending' },
    { id: 'source', title: 'Copy the source', state: 'pending' },
    { id: 'start', title: 'Start', state: 'pending' },
    {
      id: 'postCreateCommand',
      title: 'Run postCreateCommand',
      state: 'pending',
      detail: 'pip install -r requirements.txt',
    },
  ],
}

export const failedOperation: Operation = {
  ...createOperation,
  id: 'op-failed',
  state: 'failed',
  endedAt: now - 2000,
  problem: problems.lifecycle,
  steps: createOperation.steps.map((step, index) =>
    index < 6
      ? {
          ...step,
          state: 'done' as const,
          startedAt: now - 30_000 + index * 3000,
          endedAt: now - 28_000 + index * 3000,
        }
      : { ...step, state: 'failed' as const, startedAt: now - 9000, endedAt: now - 2000 },
  ),
}

const creating = workspace({
  id: 'wcreate001',
  name: 'atlas',
  state: 'creating',
  reason: 'Pulling the image',
})

export const scenes: Record<string, Scene> = {
  'first-run': { targets: [targets[0] as Target] },
  'first-run-down': {
    targets: [{ ...(targets[0] as Target), state: 'unreachable', problem: problems.unreachable }],
  },
  full: {
    targets: [...targets, downTarget],
    workspaces,
    ports,
    sockets: [
      {
        id: 'watlas0001',
        listeners: [
          {
            kind: 'udp',
            address: '0.0.0.0:8125',
            process: { pid: 430, name: 'statsd', command: 'statsd --port 8125' },
          },
          { kind: 'unix', address: '/run/postgresql/.s.PGSQL.5432' },
        ],
        more: 0,
      },
    ],
    sessions,
    operations: [startOperation],
    activities: [
      {
        id: 'watlas0001',
        reason: 'Typed in bash',
        at: now - 4 * minute,
        stopsAt: now + 26 * minute,
        warnsAt: now + 21 * minute,
      },
      { id: 'wbilling01', reason: 'Traffic to port 3000', at: now - 20_000 },
    ],
  },
  idle: {
    targets,
    workspaces,
    ports,
    sessions,
    activities: [
      {
        id: 'watlas0001',
        reason: 'Output of npm',
        at: now - 25.5 * minute,
        stopsAt: now + 4.5 * minute,
        warnsAt: now - minute / 2,
        onlyWhileOpen: 'Its main process belongs to another user than its terminals',
      },
    ],
  },
  creating: { targets, workspaces: [creating], operations: [createOperation] },
  failed: { targets, operations: [failedOperation] },
}

const shellless = (id: string, name: string) =>
  workspace({
    id,
    name,
    state: 'running',
    reason: 'Ready for 5 min',
    user: { name: 'root', uid: 0, gid: 0, home: '/root' },
  })
const noShell: Problem = {
  code: 'no-shell',
  title: 'Ports cannot be detected in this image',
  cause: 'The image has no shell, and Berth reads the listening table through one.',
  remedy: 'Forward the ports you need by hand, or list them in forwardPorts.',
}
const grants: Scene['grants'] = [
  {
    id: 'watlas0001',
    targetId: 'docker:default',
    git: ['https://github.com', 'https://git.acme.example'],
    ssh: true,
    gpg: true,
  },
]
scenes.consent = {
  ...scenes.full,
  grants,
  consents: [
    {
      id: 'consent1',
      workspaceId: 'watlas0001',
      credential: { kind: 'git', origin: 'https://gitlab.example.com:8443' },
      username: 'maria',
      process: 'git',
      command: 'git push --set-upstream origin feature/invoice-rounding-for-very-long-branch-names',
      askedAt: now,
      expiresAt: now + 2 * minute,
    },
    {
      id: 'consent2',
      workspaceId: 'watlas0001',
      credential: { kind: 'ssh' },
      process: 'ssh-keygen',
      command: 'ssh-keygen -Y sign -n git -f /tmp/.git_signing_key_tmp',
      askedAt: now,
      expiresAt: now + 2 * minute,
    },
  ],
}
scenes['no-shell'] = {
  targets,
  workspaces: [shellless('wtiny00001', 'tiny'), shellless('wtiny00002', 'tiny-forwarded')],
  detections: [
    { id: 'wtiny00001', problem: noShell },
    { id: 'wtiny00002', problem: noShell },
  ],
  ports: [
    port({
      workspaceId: 'wtiny00002',
      port: 8080,
      state: 'live',
      origin: 'manual',
      forward: {
        localAddress: '127.0.0.1',
        localPort: 8080,
        url: 'http://8080-tiny-forwarded.localhost:7080/',
        connections: 0,
      },
    }),
  ],
}
