import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type PrivateDocker, startPrivateDocker } from '../harness/docker'
import { TEST_IMAGES } from '../harness/images'
import { Machine, Rig, writeFiles } from './rig'

const image = TEST_IMAGES.alpine
const mebibyte = 1024 * 1024
let docker: PrivateDocker
let machine: Machine
let rig: Rig

beforeAll(async () => {
  docker = await startPrivateDocker({ disk: 48 * mebibyte })
  await docker.loadImage(image)
  machine = new Machine({ DOCKER_HOST: docker.host })
  // As if it were on another machine, so that sources are copied to it.
  rig = new Rig(machine, { bindMounts: false })
  await rig.service.settled
})

afterAll(async () => {
  await rig?.dispose()
  machine?.dispose()
  await docker?.dispose()
})

/** Fills the engine's disk to the last byte. Returns how to empty it again. */
function fill(): () => void {
  const path = join(dirname(docker.socket), 'fill')
  const file = openSync(path, 'w')
  for (const size of [mebibyte, 4096, 1]) {
    try {
      for (;;) writeSync(file, Buffer.alloc(size))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
  closeSync(file)
  return () => rmSync(path)
}

const all = (...args: string[]) =>
  execFileSync('docker', [...args, '--filter', 'label=app.kubernetes.io/managed-by=berth', '-q'], {
    encoding: 'utf8',
    env: { ...process.env, DOCKER_HOST: docker.host },
  })

const full = { code: 'disk-full', remedy: expect.stringContaining('docker system df') }

it('a source that does not fit is a Problem of the disk, and leaves nothing', async () => {
  const folder = join(machine.home, 'large')
  writeFiles(folder, { '.devcontainer.json': JSON.stringify({ image }) })
  writeFileSync(join(folder, 'blob'), randomBytes(64 * mebibyte))
  const { operationId } = await rig.create({ kind: 'folder', path: folder })
  expect(await rig.failure(operationId)).toMatchObject(full)
  expect(all('ps', '-a')).toBe('')
  expect(all('volume', 'ls')).toBe('')
})

it('a full disk stops what needs room, and neither a stop nor a delete', async () => {
  const { id } = await rig.up({ kind: 'image', image })
  const empty = fill()
  const { operationId } = await rig.create({ kind: 'image', image })
  expect(await rig.failure(operationId)).toMatchObject(full)
  expect((await rig.act('rebuild', id)).problem).toMatchObject(full)
  expect((await rig.act('stop', id)).problem).toBeUndefined()
  empty()
  expect((await rig.act('start', id)).problem).toBeUndefined()
  expect(await rig.run(id, 'echo', 'here')).toBe('here\n')
  const again = fill()
  expect((await rig.act('delete', id)).problem).toBeUndefined()
  again()
  expect(all('ps', '-a')).toBe('')
  expect(all('volume', 'ls')).toBe('')
})
