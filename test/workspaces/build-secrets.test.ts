import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { gitSource, Machine, purge, Rig, repository } from './rig'

const never = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'berth-build-secrets-'))
const machine = new Machine()
const rig = new Rig(machine)

afterEach(() => purge())
afterAll(async () => {
  await rig.dispose()
  machine.dispose()
  rmSync(folder, { recursive: true, force: true })
})

it('what a build asks for is told before, and what is typed for it is had by that build alone', async () => {
  const value = `typed-${randomUUID()}`
  const dockerfile = [
    `FROM ${TEST_IMAGES.debian}`,
    // A secret is no part of what the engine's cache goes by.
    `ENV RUN_OF_TEST=${randomUUID()}`,
    'RUN --mount=type=secret,id=token,required sha256sum < /run/secrets/token > /given; cat /run/secrets/token; base64 -w0 /run/secrets/token; echo end-of-secret',
    '',
  ].join('\n')
  const source = gitSource(
    repository(folder, 'project', {
      '.devcontainer/devcontainer.json': JSON.stringify({ build: { dockerfile: 'Dockerfile' } }),
      '.devcontainer/Dockerfile': dockerfile,
    }),
  )
  const { handlers } = rig.service
  const preview = await handlers['workspaces.preview']({ source }, never)
  expect(preview.buildAsks).toEqual({ secrets: [{ id: 'token' }], ssh: false, hostNetwork: false })

  const given = (await handlers['builds.give']({ values: { token: value } }, never)).id
  const { id } = await rig.up(source, { buildGrants: { secrets: [{ id: 'token', given }] } })
  const digest = createHash('sha256').update(value).digest('hex')
  expect(await rig.run(id, 'cat', '/given')).toContain(digest)
  expect(rig.output).toContain('The build gets the secret "token", as you gave it.')
  // What a command prints of it is not shown, nor kept.
  expect(rig.output).toContain('[hidden]')
  expect(rig.output).not.toContain(Buffer.from(value).toString('base64').slice(0, -4))
  const kept = JSON.stringify([rig.workspace(id), rig.service.operations.list()])
  expect(kept + rig.output).not.toContain(value)

  // A rebuild is told anew what it may have, and an id of no value is refused before anything is done.
  expect(await handlers['builds.asks']({ workspaceId: id }, never)).toEqual(preview.buildAsks)
  const forgotten = { secrets: [{ id: 'token', given: randomUUID() }] }
  await expect(
    handlers['workspaces.rebuild']({ workspaceId: id, buildGrants: forgotten }, never),
  ).rejects.toMatchObject({ problem: { code: 'secret-missing' } })
  const again = await handlers['workspaces.rebuild'](
    { workspaceId: id, buildGrants: { secrets: [{ id: 'token', given }] } },
    never,
  )
  await rig.succeeded(again.operationId)
  expect((await rig.act('delete', id)).state).toBe('succeeded')
})
