import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Definition, PrebuildMark } from '#contract'
import { VOLUME_ROOT } from './anatomy'
import { specOf } from './fixtures'
import { layOutVolume, NOT_COPIED } from './prepare'

const prebuild: PrebuildMark = { id: '0123456789ab', madeAt: 1, commit: 'a'.repeat(40) }
const definition: Partial<Definition> = {
  workspaceFolder: '/workspaces/app',
  mounts: [{ type: 'volume', source: 'modules', target: '/workspaces/app/modules', ofWorkspace: true }],
}
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-prepare-'))
  for (const name of ['volume', 'image/workspaces/app/modules', 'image/home/dev'])
    mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'image/workspaces/app/file'), 'of the prebuild')
  writeFileSync(join(folder, 'image/workspaces/app/modules/one'), 'one')
  writeFileSync(join(folder, 'image/home/dev/.profile'), 'home')
  execFileSync('ln', ['-s', '/nowhere', join(folder, 'image/workspaces/app/link')])
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Runs what a node would run, with folders of this machine for the image's and for the volume. */
function run(made: { readonly prebuild?: PrebuildMark }) {
  const [shell = '', ...rest] = layOutVolume(specOf(made, definition)).prepare
  const moved = rest.map((word) =>
    word
      .replaceAll(VOLUME_ROOT, join(folder, 'volume'))
      .replace(/^\/(?=workspaces|home)/, `${folder}/image/`),
  )
  return spawnSync(shell, moved, { encoding: 'utf8' })
}
const inVolume = (path: string) => join(folder, 'volume', path)
const text = (path: string) => readFileSync(inVolume(path), 'utf8')

describe('the volume of a workspace', () => {
  it('begins with source, home and volumes of a prebuild, once', () => {
    expect(run({ prebuild })).toMatchObject({ status: 0, stderr: '' })
    expect(text('source/app/file')).toBe('of the prebuild')
    expect(lstatSync(inVolume('source/app/link')).isSymbolicLink()).toBe(true)
    expect(text('home/.profile')).toBe('home')
    expect(text('data/modules/one')).toBe('one')
    writeFileSync(inVolume('source/app/file'), 'mine')
    rmSync(inVolume('home/.profile'))
    rmSync(inVolume('data/modules/one'))
    expect(run({ prebuild })).toMatchObject({ status: 0, stderr: '' })
    expect(text('source/app/file')).toBe('mine')
    expect(existsSync(inVolume('home/.profile'))).toBe(false)
    expect(existsSync(inVolume('data/modules/one'))).toBe(false)
  })

  it('begins with home and volumes, and no source, where the image is no prebuild', () => {
    expect(run({})).toMatchObject({ status: 0, stderr: '' })
    expect(text('home/.profile')).toBe('home')
    expect(existsSync(inVolume('source/app/file'))).toBe(false)
    expect(existsSync(inVolume('data/modules/one')), 'as an engine begins a volume').toBe(true)
  })

  it('is begun anew after a copy that was broken off, and never counts as whole', () => {
    mkdirSync(inVolume('source.new/locked'), { recursive: true })
    writeFileSync(inVolume('source.new/rest'), 'of before')
    // Nothing can be written where a file is in the way.
    const cp = join(folder, 'bin/cp')
    mkdirSync(join(folder, 'bin'))
    writeFileSync(cp, '#!/bin/sh\necho "cp: no space left on device" >&2\nexit 1\n', { mode: 0o755 })
    const path = process.env.PATH
    process.env.PATH = `${join(folder, 'bin')}:${path}`
    try {
      expect(run({ prebuild })).toMatchObject({
        status: NOT_COPIED,
        stderr: expect.stringMatching('no space'),
      })
    } finally {
      process.env.PATH = path
    }
    expect(existsSync(inVolume('source'))).toBe(false)
    expect(run({ prebuild })).toMatchObject({ status: 0, stderr: '' })
    expect(text('source/app/file')).toBe('of the prebuild')
    expect(existsSync(inVolume('source/rest'))).toBe(false)
  })
})
