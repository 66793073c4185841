import type { Operation, Problem, Target, Workspace } from '#contract'
import { port } from './ports'
import { definition, downTarget, failedOperation, type Scene, session, targets, workspace } from './scenes'
import { minute, now } from './time'

const longLine = `${'one-word-without-any-place-to-break-'.repeat(8)} ${'and then words, one after the other, '.repeat(6)}`
const longProblem: Problem = {
  code: 'lifecycle-failed',
  title: `postCreateCommand failed: ${longLine}`,
  cause: longLine,
  remedy: longLine,
  detail: Array.from({ length: 40 }, (_, line) => `${line} ${longLine}`).join('\n'),
  actions: [
    { kind: 'workspace', label: 'Rebuild', verb: 'rebuild', workspaceId: 'wcrowd0001' },
    { kind: 'copy', label: 'Copy command', text: longLine },
    { kind: 'open-url', label: 'Read about it', url: 'https://example.com/' },
  ],
}
const forty = 'a-name-of-exactly-forty-characters-in-it'
const crowdStates = ['running', 'stopped', 'failed', 'starting', 'stopping', 'deleting'] as const

/** More and longer than anyone has: nothing may overflow or overlap. */
const crowd = Array.from({ length: 300 }, (_, index) => {
  const state = crowdStates[index % crowdStates.length] ?? 'running'
  const source: Workspace['source'][] = [
    { kind: 'git', url: `https://git.example.com/${'very/'.repeat(12)}deep/repository.git` },
    { kind: 'folder', path: `/home/משתמש/مشروع/проект/項目/🚢${'/folder'.repeat(20)}` },
    { kind: 'image', image: `registry.example.com:5000/${'team/'.repeat(10)}image@sha256:${'0'.repeat(64)}` },
  ]
  return workspace({
    id: `wcrowd${String(index).padStart(4, '0')}`,
    name: index < 3 ? `${forty.slice(0, 39)}${index}` : `workspace-${index}`,
    state,
    reason: index % 5 === 0 ? longLine : 'עצר לפני שעה 🌊',
    source: source[index % source.length] ?? { kind: 'image', image: 'debian' },
    user: {
      name: 'a-user-name-of-thirty-two-letters',
      uid: 1000,
      gid: 1000,
      home: `/home/${'long/'.repeat(30)}`,
    },
    image: `registry.example.com:5000/${'team/'.repeat(10)}image@sha256:${'0'.repeat(64)}`,
    ...(state === 'failed' ? { problem: { ...longProblem, actions: [] } } : {}),
    definition: {
      ...definition,
      title: `${longLine} سلام`,
      workspaceFolder: `/workspaces/${'deep/'.repeat(20)}${forty}`,
      containerEnv: { [`A_${'VERY_'.repeat(12)}LONG_NAME`]: longLine },
      lifecycle: { postCreateCommand: longLine, postStartCommand: { [longLine]: [longLine] } },
      notApplied: [{ field: longLine, reason: longLine }],
    },
  })
})

const crowdPorts = Array.from({ length: 50 }, (_, index) =>
  port({
    workspaceId: 'wcrowd0000',
    port: 20_000 + index * 901,
    state: (['live', 'reconnecting', 'not-listening', 'failed'] as const)[index % 4] ?? 'live',
    label: index % 3 === 0 ? longLine : index % 3 === 1 ? 'واجهة المستخدم 🐚' : '',
    listeners: [
      {
        port: 20_000 + index * 901,
        address: '127.0.0.1',
        process: { pid: 4_194_304, name: 'a-process-name', command: longLine },
      },
    ],
    forward: {
      localAddress: '127.0.0.1',
      localPort: 20_000 + index * 901,
      url: `http://${20_000 + index * 901}-${forty}.localhost:17080/`,
      connections: 1234,
    },
    ...(index % 4 === 3 ? { problem: { ...longProblem, actions: [] } } : {}),
  }),
)

const crowdOperation: Operation = {
  ...failedOperation,
  id: 'op-crowd',
  kind: 'rebuild',
  workspaceId: 'wcrowd0000',
  workspaceName: forty,
  problem: longProblem,
  steps: failedOperation.steps.map((step) => ({
    ...step,
    title: `${step.title} ${longLine}`,
    detail: longLine,
  })),
}

/** More and longer of everything than anyone has. */
export const crowdScene: Scene = {
  targets: [
    {
      ...(targets[0] as Target),
      name: `target-${forty}-${forty}`,
      endpoint: `ssh://someone@${'host.'.repeat(40)}example.com`,
      capabilities: { bindMounts: false, build: false, keepsContainerFiles: false, endsForSure: false },
    },
    { ...downTarget, problem: { ...longProblem, actions: [] } },
  ],
  workspaces: crowd,
  ports: crowdPorts,
  sessions: Array.from({ length: 20 }, (_, index) =>
    session({
      id: `scrowd${index}`,
      workspaceId: 'wcrowd0000',
      title: index % 4 === 0 ? longLine : `bash ${index}`,
      createdAt: now - (30 - index) * minute,
      ...(index % 5 === 4
        ? { state: 'ended', end: { reason: 'failed', message: longLine, problem: longProblem } }
        : {}),
    }),
  ),
  operations: [crowdOperation],
}
