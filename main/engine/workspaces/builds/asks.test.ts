import { expect, test } from 'vitest'
import { type Definition, emptyDefinition, type ImageBuild } from '#contract'
import { mountsOf, readBuildAsks } from './asks'

const build = (fields: Partial<ImageBuild>): ImageBuild => ({
  dockerfile: '.devcontainer/Dockerfile',
  context: '.',
  args: {},
  ...fields,
})
const plain: Definition = { ...emptyDefinition('x'), format: 'devcontainer' }
const definition = (fields: Partial<ImageBuild>) => ({ ...plain, build: build(fields) })
const reader = (text: string | undefined) => ({
  read: async () => (text === undefined ? undefined : new TextEncoder().encode(text)),
})

test('mounts of a Dockerfile, over broken lines, and none of its comments', () => {
  const text = `FROM debian
# RUN --mount=type=secret,id=commented true
RUN --mount=type=cache,target=/c \\
    --mount=type=secret,id=token,required \\
    --mount=type=secret,dst=/run/npmrc,mode=0400 true
RUN --mount=id="quoted",type=secret --mount=type=ssh git clone x
RUN --mount=type=secret,id=../bad true`
  expect(mountsOf(text)).toEqual({ secrets: ['token', 'npmrc', 'quoted'], ssh: true })
  expect(mountsOf('FROM debian\nRUN true')).toEqual({ secrets: [], ssh: false })
  expect(mountsOf(`RUN ${'--mount=type=secret,id=a,'.repeat(20_000)}`).secrets).toEqual(['a'])
})

test('what the definition says goes before what the Dockerfile does; files of the repository are not asked for', async () => {
  const secrets = [
    { id: 'token', env: 'TOKEN' },
    { id: 'inside', file: 'a' },
  ]
  const dockerfile = 'RUN --mount=type=secret,id=token --mount=type=secret,id=more true'
  expect(await readBuildAsks(definition({ secrets, network: 'host' }), reader(dockerfile))).toEqual({
    secrets: [{ id: 'token', env: 'TOKEN' }, { id: 'more' }],
    ssh: false,
    hostNetwork: true,
  })
})

test('a build that asks for nothing, an image, and a Dockerfile that is not there', async () => {
  expect(await readBuildAsks(definition({}), reader('FROM debian'))).toBeUndefined()
  expect(await readBuildAsks(plain, reader('RUN --mount=type=ssh true'))).toBeUndefined()
  expect(await readBuildAsks(definition({}), reader(undefined))).toBeUndefined()
  const failing = { read: () => Promise.reject(new Error('too long')) }
  expect(await readBuildAsks(definition({ ssh: ['default'] }), failing)).toMatchObject({ ssh: true })
})
