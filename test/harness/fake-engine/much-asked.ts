import type { Definition, Preview, WorkspaceData } from '#contract'

/** A preview of a definition that asks for about everything, in a team that has a say. */
export function muchAsked(definition: Definition): Partial<Preview> {
  return {
    definition: {
      ...definition,
      container: {
        shmSize: 2 ** 30,
        rights: [
          { kind: 'privileged', value: '' },
          { kind: 'capability', value: 'SYS_PTRACE', origin: 'ghcr.io/devcontainers/features/go:1' },
          { kind: 'device', value: '/dev/fuse:/dev/fuse:rwm' },
        ],
      },
      secrets: [
        {
          name: 'OPENAI_API_KEY',
          description: 'For the tests that call the model.',
          documentationUrl: 'https://platform.example.com/keys',
        },
        { name: 'NPM_TOKEN' },
      ],
      hostRequirements: { cpus: 16, memory: 64 * 2 ** 30, gpu: 'optional' },
      customizations: { vscode: { extensions: ['golang.go', 'ms-python.python'], settings: {} } },
    },
    candidates: ['.devcontainer/devcontainer.json', '.gitpod.yml', 'devfile.yaml'],
    buildAsks: {
      secrets: [{ id: 'npmrc' }, { id: 'pip_token', env: 'PIP_TOKEN' }],
      ssh: true,
      hostNetwork: true,
    },
    shortages: ['It has 8 processors, and the definition asks for 16'],
    policy: {
      explanations: [
        { policy: 'platform', text: 'debian:bookworm is got as mirror.example.com/debian:bookworm' },
        { policy: 'platform', text: 'limited to 4 processors' },
      ],
      violations: [],
      messages: [
        {
          policy: 'platform',
          text: 'Questions? Ask in #dev-platform.',
          url: 'https://wiki.example.com/berth',
        },
      ],
    },
  }
}

/** A database with two snapshots. */
export const data: WorkspaceData = {
  volumes: [{ name: 'pgdata', services: ['db'], ofWorkspace: false, image: 'postgres:16' }],
  snapshots: ['before the migration', 'with sample orders'].map((name, index) => ({
    id: `s${index}`.padEnd(10, 'a'),
    workspaceId: 'atlas00000',
    workspaceName: 'atlas',
    name,
    createdAt: Date.now() - (index + 1) * 7_200_000,
    volumes: [{ name: 'pgdata', bytes: 52_428_800 * (index + 1), image: 'postgres:16' }],
    commit: '4f1c2ab'.padEnd(40, '0'),
    branch: index === 0 ? 'orders' : 'main',
  })),
}
