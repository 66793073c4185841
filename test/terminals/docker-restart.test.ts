import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Workspace } from '#contract'
import { type PrivateDocker, startPrivateDocker } from '../harness/docker'
import { ensureImages, TEST_IMAGES } from '../harness/images'
import { startEngine, type TestEngine } from '../ports/engine'
import { LIMIT, startServer, startTalk } from './talk'

let docker: PrivateDocker
let test: TestEngine
let workspace: Workspace
let server: Awaited<ReturnType<typeof startServer>>

beforeAll(async () => {
  await ensureImages(['debian'])
  docker = await startPrivateDocker({ liveRestore: true })
  await docker.loadImage(TEST_IMAGES.debian)
  test = await startEngine({ DOCKER_HOST: docker.host })
  workspace = await test.create({ source: { kind: 'image', image: TEST_IMAGES.debian } })
  server = await startServer(test, workspace, 8400)
})
afterAll(async () => {
  await test?.dispose()
  await docker?.dispose()
})

describe('a Docker engine that is restarted while its containers go on', () => {
  it.each(['stop', 'kill'] as const)(
    'by %s costs a terminal nothing that was printed or typed, and a port its connections alone',
    async (way) => {
      const target = () => test.engine.collections.targets.get(workspace.targetId)?.state
      await server.answers()
      const terminal = await startTalk(test, workspace, way)
      terminal.type('before')
      await terminal.hears('before')
      await docker[way]()
      await expect.poll(terminal.state, LIMIT).toBe('reconnecting')
      await expect.poll(target, LIMIT).toBe('unreachable')
      terminal.type('during')
      await docker.start()
      await terminal.hears('during')
      terminal.type('after')
      await terminal.hears('after')
      await docker.docker('exec', workspace.instance ?? '', 'touch', `/tmp/${way}`)
      await terminal.wasWhole(['before', 'during', 'after'])
      expect(test.engine.collections.workspaces.get(workspace.id)?.incarnation).toBe(workspace.incarnation)
      await server.answers()
      await terminal.close()
    },
  )
})
