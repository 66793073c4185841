import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ActionDocument,
  PrebuildDocument,
  PrebuildListDocument,
  PrebuildRemovedDocument,
  ProblemDocument,
} from '../../cli/documents'
import { command, tryCommand } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { repository } from '../workspaces/rig'
import { type CommandLine, commandLine, uniqueName } from './berth'

let berth: CommandLine
let other: CommandLine
const folder = mkdtempSync(join(tmpdir(), 'berth-cli-prebuild-'))
beforeAll(async () => {
  berth = await commandLine()
  other = await commandLine()
})
afterAll(async () => {
  await berth.dispose()
  await other.dispose()
  rmSync(folder, { recursive: true, force: true })
})

/** The engine's images of a prebuild, under whatever name. */
async function imagesOf(prebuildId: string): Promise<string[]> {
  const ids = (await command('docker', ['images', '-q', '--filter', 'label=berth.dev/prebuild'])).split('\n')
  const found: string[] = []
  for (const id of new Set(ids.filter(Boolean))) {
    const format = '{{index .Config.Labels "berth.dev/prebuild"}}'
    const { stdout } = await tryCommand('docker', ['inspect', '--format', format, id])
    if (stdout.includes(prebuildId)) found.push(id)
  }
  return found
}

function project(more: object = {}): string {
  const definition = { image: TEST_IMAGES.debian, onCreateCommand: 'echo once >> ~/ran', ...more }
  return `file://${repository(folder, uniqueName('prebuilt'), {
    '.devcontainer/devcontainer.json': JSON.stringify(definition),
    '.devcontainer/tool/devcontainer-feature.json': JSON.stringify({
      id: 'tool',
      version: '1.0.0',
      onCreateCommand: 'echo feature >> ~/ran',
      postCreateCommand: 'echo later >> ~/ran',
    }),
    '.devcontainer/tool/install.sh': '#!/bin/sh\necho installed > /tool\n',
  })}`
}

describe('prebuilds on the command line', () => {
  it('are made once, listed, used by another user, and removed', async () => {
    const name = uniqueName('from-prebuild')
    const url = project({ features: { './tool': {} } })
    const made = await berth.json(PrebuildDocument, ['prebuild', url])
    const { id } = made.prebuild
    try {
      expect(made).toMatchObject({ isNew: true, prebuild: { url } })
      const again = await berth.json(PrebuildDocument, ['prebuild', url])
      expect(again).toMatchObject({ isNew: false, prebuild: made.prebuild })
      const forced = await berth.json(PrebuildDocument, ['prebuild', url, '--force'])
      expect(forced.isNew).toBe(true)
      const listed = await other.json(PrebuildListDocument, ['prebuild', 'list'])
      expect(listed.prebuilds.filter((one) => one.url === url)).toEqual([forced.prebuild])
      expect((await other.run(['prebuild', 'list'])).stdout.toString()).toContain(id)

      const up = await other.json(ActionDocument, ['up', url, '--name', name])
      expect(up.workspace?.prebuild).toMatchObject({ id, commit: made.prebuild.commit })
      expect(up.operation.steps.find((step) => step.id === 'prebuild')?.detail).toMatch(/^Found: made /)
      expect(up.operation.steps.map((step) => step.id)).not.toContain('features')
      const ran = await other.run(['exec', name, '--', 'sh', '-c', 'cat ~/ran /tool'])
      expect(ran.stdout.toString()).toBe('feature\nonce\nlater\ninstalled\n')

      const young = await berth.json(PrebuildRemovedDocument, ['prebuild', 'remove', '--older-than', '99999'])
      expect(young.removed).toEqual([])
      const removed = await berth.json(PrebuildRemovedDocument, ['prebuild', 'remove', id])
      expect(removed.removed.map((one) => one.id)).toEqual([id])
      expect((await other.json(ActionDocument, ['restart', name])).workspace?.state).toBe('running')
      await other.run(['delete', name, '--yes'])
      expect(await imagesOf(id), 'nothing of it is kept for nobody').toEqual([])
    } finally {
      await other.run(['delete', name, '--yes'])
      await berth.run(['prebuild', 'remove', id])
    }
  })

  it('fail a pipeline where a command fails, and say what it printed', async () => {
    const url = project({ onCreateCommand: 'echo the reason; exit 3' })
    const { code, stdout, stderr } = await berth.run(['prebuild', url, '--json'])
    expect(code).toBe(1)
    expect(stderr).toContain('the reason')
    const { problem } = ProblemDocument.parse(JSON.parse(stdout.toString()))
    expect(problem).toMatchObject({ code: 'lifecycle-failed', title: 'onCreateCommand failed' })
    const { prebuilds } = await berth.json(PrebuildListDocument, ['prebuild', 'list'])
    expect(prebuilds.filter((one) => one.url === url)).toEqual([])
  })

  it.each([
    [['prebuild'], 'Say of which repository'],
    [['prebuild', 'remove'], 'Give the id of a prebuild'],
    [['prebuild', 'remove', 'abc', '--older-than', '1'], 'not both'],
    [['prebuild', 'remove', '--older-than', 'x'], 'a number of days'],
  ])('refuse %j', async (args, words) => {
    const { code, stderr } = await berth.run(args)
    expect([code, stderr.includes(words)]).toEqual([2, true])
  })

  it('say that there is none of an id', async () => {
    const { code, stderr } = await berth.run(['prebuild', 'remove', 'ffffffffffff'])
    expect([code, stderr.includes('There is no prebuild ffffffffffff')]).toEqual([1, true])
  })
})
