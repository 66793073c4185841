import { describe, expect, test } from 'vitest'
import { read } from './read.test-helper'

describe('Gitpod’s own folder', () => {
  test('is the one that has the same here, where tasks and variables speak of it', async () => {
    const { tasks, containerEnv, notApplied } = await read(`
env: { GOPATH: "/workspace/go:/workspace", OTHER: /srv/workspace }
tasks:
  - before: mkdir -p /workspace/data && cd "/workspace"
    init: |
      ls
      /workspace/app/setup
    command: cd /workspaces/app && cd ./workspace && ls /srv/workspace /workspace-x
    env: { DATA: /workspace }
`)
    expect(containerEnv).toMatchObject({ GOPATH: '/workspaces/go:/workspaces', OTHER: '/srv/workspace' })
    expect(tasks).toEqual([
      {
        name: 'Task 1',
        automatic: true,
        before: 'mkdir -p /workspaces/data && cd "/workspaces"',
        init: 'ls\n/workspaces/app/setup\n',
        command: 'cd /workspaces/app && cd ./workspace && ls /srv/workspace /workspace-x',
        env: { DATA: '/workspaces' },
      },
    ])
    expect(notApplied.map(({ field }) => field).sort()).toEqual([
      'env.GOPATH',
      'tasks[0].before',
      'tasks[0].env.DATA',
      'tasks[0].init',
    ])
  })
})

describe('Gitpod’s own variables', () => {
  test('tell where the sources are', async () => {
    const text =
      '{workspaceLocation: ., additionalRepositories: [{url: "https://example.com/api"}], tasks: [{command: "cd ${GITPOD_REPO_ROOT} $THEIA_WORKSPACE_ROOT"}]}'
    const { containerEnv, notApplied } = await read(text)
    expect(containerEnv).toEqual({
      GITPOD_REPO_ROOT: '/workspaces/app',
      GITPOD_REPO_ROOTS: '/workspaces/app,/workspaces/api',
      THEIA_WORKSPACE_ROOT: '/workspaces',
    })
    expect(notApplied).toEqual([])
  })

  test('are those of the file where it has them, and are named where nobody sets them', async () => {
    const { containerEnv, notApplied } = await read(
      '{env: {GITPOD_REPO_ROOT: /mine, GITPOD_HOST: mine}, tasks: [{env: {GITPOD_API: a}, command: "echo $GITPOD_HOST $GITPOD_API"}, {init: "echo https://3001-${GITPOD_WORKSPACE_URL:8}"}]}',
    )
    expect(containerEnv.GITPOD_REPO_ROOT).toBe('/mine')
    expect(notApplied).toEqual([
      { field: 'tasks[1].init', reason: 'it runs, but GITPOD_WORKSPACE_URL is set by Gitpod alone' },
    ])
  })
})
