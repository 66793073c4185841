import http from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Port, Workspace } from '#contract'
import { waitFor } from '../../main/engine/platform/collection'
import { type PrivateDocker, startPrivateDocker } from '../harness/docker'
import { ensureImages, TEST_IMAGES } from '../harness/images'
import { startEngine, type TestEngine } from './engine'

let docker: PrivateDocker
let test: TestEngine
let workspace: Workspace

beforeAll(async () => {
  await ensureImages(['debian'])
  docker = await startPrivateDocker()
  await docker.loadImage(TEST_IMAGES.debian)
  test = await startEngine({ DOCKER_HOST: docker.host })
  workspace = await test.create({ source: { kind: 'image', image: TEST_IMAGES.debian } })
})
afterAll(async () => {
  await test?.dispose()
  await docker?.dispose()
})

const serve = () =>
  test.background(workspace.id, 'cd /etc && exec python3 -m http.server 8300 --bind 127.0.0.1')

function port(predicate: (port: Port | undefined) => boolean): Promise<Port | undefined> {
  return waitFor(
    test.engine.collections.ports,
    `${workspace.id}:8300`,
    predicate,
    AbortSignal.timeout(60_000),
  )
}

function get(number: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { host: '127.0.0.1', port: number, path: '/hostname', agent: false },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
        response.on('error', reject)
      },
    )
    request.on('error', reject)
  })
}

describe('a forward over an engine that fails', () => {
  let local = 0

  it('answers late when the engine stood still', async () => {
    await serve()
    local =
      (await port((found) => found?.state === 'live' && found.forward !== undefined))?.forward?.localPort ?? 0
    expect(await get(local)).toBe(200)
    docker.freeze()
    const asked = get(local)
    await new Promise((resolve) => setTimeout(resolve, 2000))
    docker.thaw()
    expect(await asked).toBe(200)
  })

  it('says that it is away while the engine is down, and is back at the same address', async () => {
    await docker.stop()
    await port((found) => found?.state !== 'live')
    await docker.start()
    await waitFor(
      test.engine.collections.workspaces,
      workspace.id,
      (found) => found?.state === 'stopped' || found?.state === 'running' || found?.state === 'failed',
      AbortSignal.timeout(60_000),
    )
    await waitFor(
      test.engine.collections.targets,
      workspace.targetId,
      (found) => found?.state === 'ready',
      AbortSignal.timeout(60_000),
    )
    await test.act('start', workspace.id)
    await serve()
    const back = await port((found) => found?.state === 'live')
    expect(back?.forward?.localPort).toBe(local)
    expect(await get(local)).toBe(200)
  })

  it('survives a container that is stopped and started with plain docker', async () => {
    const before = test.engine.collections.workspaces.get(workspace.id)?.incarnation
    await docker.docker('restart', '-t', '1', workspace.instance ?? '')
    await waitFor(
      test.engine.collections.workspaces,
      workspace.id,
      (found) => found?.state === 'running' && found.incarnation !== before,
      AbortSignal.timeout(60_000),
    )
    await port((found) => found?.state === 'not-listening')
    await serve()
    await port((found) => found?.state === 'live')
    expect(await get(local)).toBe(200)
  })

  it('is told as away while the container is paused, and comes back', async () => {
    await docker.docker('pause', workspace.instance ?? '')
    const asked = get(local)
    await new Promise((resolve) => setTimeout(resolve, 1000))
    await docker.docker('unpause', workspace.instance ?? '')
    expect(await asked).toBe(200)
    await port((found) => found?.state === 'live')
  })
})
