import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { ImageBuild } from '#contract'
import { command } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { openDocker } from './docker-harness'
import { definitionOf, never, newId, Recorder } from './harness'

const cleanups: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function repository(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'berth-contexts-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

function start(folder: string, build: Partial<ImageBuild>, env: Record<string, string> = {}) {
  const { driver, dispose } = openDocker(env)
  const workspaceId = newId()
  cleanups.push(async () => {
    await driver.remove(workspaceId, new Recorder(), never)
    await dispose()
  })
  const definition = definitionOf({
    build: { dockerfile: 'app/Dockerfile', context: 'app', args: {}, ...build },
  })
  const report = new Recorder()
  const request = { definition, folder, workspaceId, refresh: false }
  return { report, workspaceId, again: () => driver.resolveImage(request, report, never) }
}

const contexts = [
  { name: 'shared', folder: 'shared' },
  { name: 'toolbox', image: TEST_IMAGES.alpine },
  { name: 'tools', folder: 'tools' },
]

const project = (never = 'no-such-registry.invalid/never') =>
  repository({
    'app/Dockerfile': [
      // A stage in whose place a context is.
      `FROM ${never} AS tools`,
      'FROM toolbox:latest',
      'COPY . /app',
      'COPY --from=shared . /shared',
      'COPY --from=tools tool /usr/local/bin/tool',
      '',
    ].join('\n'),
    'app/own.txt': 'own\n',
    'shared/deep/file.txt': 'shared\n',
    'shared/left-out.txt': '',
    'shared/.dockerignore': 'left-out.txt\n',
    'tools/tool': '#!/bin/sh\necho tool\n',
  })

describe('further contexts of a build', () => {
  it.each([
    ['BuildKit', {}],
    ['the classic builder', { DOCKER_BUILDKIT: '0' }],
  ])('are folders and images under names of their own, with %s', async (_, env) => {
    // The classic builder builds stages that nothing is taken from as well.
    const folder = project('DOCKER_BUILDKIT' in env ? TEST_IMAGES.alpine : undefined)
    const { again, workspaceId } = start(folder, { contexts }, env)
    const { reference } = await again()
    const inside = await command('docker', [
      'run',
      '--rm',
      reference,
      'sh',
      '-c',
      'find /app /shared -type f | sort; cat /shared/deep/file.txt; sh /usr/local/bin/tool',
    ])
    expect(inside.replace(/\S*\.dockerfile\.\S*\n|\S*Dockerfile\n/g, '')).toBe(
      '/app/own.txt\n/shared/.dockerignore\n/shared/deep/file.txt\nshared\ntool\n',
    )
    const names = await command('docker', ['images', '--format', '{{.Tag}}', `berth/${workspaceId}`])
    expect(names.split('\n').filter((tag) => tag.startsWith('context-'))).toEqual([])
    expect((await again()).reused).toBeDefined()
    writeFileSync(join(folder, 'shared/deep/file.txt'), 'changed\n')
    expect((await again()).reused).toBeUndefined()
  })

  it('do not lead out of the repository, and are fetched only by an engine that can', async () => {
    const folder = project()
    symlinkSync(tmpdir(), join(folder, 'elsewhere'))
    await expect(
      start(folder, { contexts: [{ name: 'shared', folder: 'elsewhere' }] }).again(),
    ).rejects.toMatchObject({
      problem: { code: 'build-failed', cause: expect.stringContaining('leads out') },
    })
    const git = { name: 'shared', url: 'https://git.invalid/owner/repository.git#main' }
    await expect(start(folder, { contexts: [git] }, { DOCKER_BUILDKIT: '0' }).again()).rejects.toMatchObject({
      problem: { code: 'definition-unsupported', cause: expect.stringContaining('git') },
    })
    const file = { name: 'shared', url: 'http://127.0.0.1:9/archive.txt' }
    await expect(start(folder, { contexts: [file] }).again()).rejects.toMatchObject({
      problem: { code: 'build-failed', title: expect.stringContaining('"shared"') },
    })
  })
})
