import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PrivateDocker, startPrivateDocker } from '../harness/docker'
import { TEST_IMAGES } from '../harness/images'
import { gitSource, Machine, Rig, repository } from './rig'

const image = TEST_IMAGES.alpine
let docker: PrivateDocker
let machine: Machine
let rig: Rig

beforeAll(async () => {
  docker = await startPrivateDocker()
  await docker.loadImage(image)
  machine = new Machine({ DOCKER_HOST: docker.host })
  rig = new Rig(machine)
  await rig.service.settled
})

afterAll(async () => {
  await rig?.dispose()
  machine?.dispose()
  await docker?.dispose()
})

const target = () => rig.service.targets.list()[0]
const berth = (...args: string[]) =>
  execFileSync('docker', [...args, '--filter', 'label=app.kubernetes.io/managed-by=berth', '-q'], {
    encoding: 'utf8',
    env: { ...process.env, DOCKER_HOST: docker.host },
  })

async function downAndUp(): Promise<void> {
  await expect.poll(() => target()?.state).toBe('unreachable')
  expect(target()?.problem?.remedy).not.toBe('')
  await docker.start()
  await expect.poll(() => target()?.state).toBe('ready')
}

describe('an engine that goes away', () => {
  it('in a build: the create fails with a reason, and nothing is left when the engine is back', async () => {
    const bare = repository(machine.home, 'building', {
      '.devcontainer.json': '{"build": {"dockerfile": "Dockerfile"}}',
      Dockerfile: `FROM ${image}\nRUN echo "build begins" && sleep 1000\n`,
    })
    const { id, operationId } = await rig.create(gitSource(bare))
    await expect.poll(() => rig.output).toContain('build begins')
    await docker.kill()
    const problem = await rig.failure(operationId)
    expect(problem.code).not.toBe('internal')
    expect(problem.remedy).not.toBe('')
    await downAndUp()
    expect(rig.service.workspaces.get(id)).toBeUndefined()
    await expect.poll(() => berth('volume', 'ls')).toBe('')
    expect(machine.leftovers()).toEqual([])
    expect(machine.locks()).toEqual([])
  })

  it('in a lifecycle command: the create says so, and the workspace can be started again', async () => {
    const bare = repository(machine.home, 'running', {
      '.devcontainer.json': JSON.stringify({ image, onCreateCommand: 'echo command begins; sleep 1000' }),
    })
    const { id, operationId } = await rig.create(gitSource(bare))
    await expect.poll(() => rig.output).toContain('command begins')
    await docker.stop()
    const problem = await rig.failure(operationId)
    expect(problem).toMatchObject({ code: 'lifecycle-failed', title: 'onCreateCommand failed' })
    await expect.poll(() => rig.workspace(id).reason).toContain('cannot be reached')
    await expect(rig.act('start', id)).rejects.toMatchObject({ problem: { code: 'target-unreachable' } })
    await downAndUp()
    await rig.state(id, (workspace) => workspace?.state === 'stopped')
    expect((await rig.act('start', id)).problem).toBeUndefined()
    expect(await rig.run(id, 'pwd')).toBe('/workspaces/running\n')
    expect((await rig.act('delete', id)).problem).toBeUndefined()
    expect(berth('ps', '-a')).toBe('')
    expect(berth('volume', 'ls')).toBe('')
  })

  it('while a cancelled create cleans up: that is done when it is back', async () => {
    const bare = repository(machine.home, 'cancelling', {
      '.devcontainer.json': JSON.stringify({ image, onCreateCommand: 'echo waiting begins; sleep 1000' }),
    })
    const { id, operationId } = await rig.create(gitSource(bare))
    await expect.poll(() => rig.output).toContain('waiting begins')
    docker.freeze()
    await rig.cancel(operationId)
    await docker.kill()
    expect((await rig.ended(operationId)).state).toBe('cancelled')
    await docker.start()
    await expect.poll(() => berth('ps', '-a')).toBe('')
    await expect.poll(() => berth('volume', 'ls')).toBe('')
    await rig.state(id, (workspace) => workspace === undefined)
  })
})
