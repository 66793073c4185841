import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundledTemplates, type TemplateValues } from '#contract'
import { createTemplates } from '../../main/engine/templates'
import { ensureImages, TEST_IMAGES } from '../harness/images'
import { Machine, purge, Rig } from './rig'

const never = new AbortController().signal
const resources = join(dirname(fileURLToPath(import.meta.url)), '../../resources')

let machine: Machine
let rig: Rig
let parent: string

beforeAll(async () => {
  await ensureImages(['debian'])
  parent = mkdtempSync(join(tmpdir(), 'berth-from-template-'))
  machine = new Machine()
  writeFileSync(
    join(machine.home, '.config/berth/settings.json'),
    JSON.stringify({
      imageAliases: {
        'mcr.microsoft.com/devcontainers/base': `${TEST_IMAGES.debian}:latest`,
        'mcr.microsoft.com/devcontainers/python': `${TEST_IMAGES.debian}:latest`,
      },
    }),
  )
  rig = new Rig(machine)
})
afterAll(async () => {
  await rig?.dispose()
  await purge()
  machine?.dispose()
  if (parent) rmSync(parent, { recursive: true, force: true })
})

/** A repository of a template that Berth brings along, as the window and the command line make it. */
async function make(id: string, options: TemplateValues): Promise<string> {
  const platform = machine.platform()
  const { handlers, dispose } = createTemplates({
    ...platform,
    folders: { ...platform.folders, resources },
  })
  const { folder } = await handlers['templates.newRepository'](
    { template: { repository: bundledTemplates, id }, options, omit: [], folder: join(parent, id) },
    never,
  )
  await dispose()
  return folder
}

describe('a repository made of a bundled template comes up', () => {
  it('plain', async () => {
    const folder = await make('plain', { distribution: 'trixie' })
    const workspace = await rig.up({ kind: 'folder', path: folder })
    expect(workspace.definition).toMatchObject({
      image: 'mcr.microsoft.com/devcontainers/base:trixie',
      notApplied: [],
    })
    expect((await rig.run(workspace.id, 'git', 'symbolic-ref', '--short', 'HEAD')).trim()).toBe('main')
  })

  it('web page, which is served as soon as it is up', async () => {
    const folder = await make('static-site', { title: 'Tides' })
    const workspace = await rig.up({ kind: 'folder', path: folder })
    expect(workspace.definition).toMatchObject({ forwardPorts: [8000], notApplied: [] })
    const fetch = (path: string) =>
      rig
        .run(workspace.id, 'curl', '--silent', `http://127.0.0.1:8000/${path}`)
        .catch((error: unknown) => String(error))
    // The server is begun by then; on a busy machine it takes a while until it listens.
    await expect.poll(() => fetch('')).toContain('<title>Tides</title>')
    expect(await fetch('style.css')).toContain('body {')
  })
})
