import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Definition } from '#contract'
import { createNodePlatform } from '../../platform/node'
import { silentReport } from '../actions/context'
import { describeDefinition, isGiven, readFrom } from './definition'
import { folderReader } from './folder-reader'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-given-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const read = (more: object) => {
  const platform = createNodePlatform({ version: '0.0.0', resources: folder, env: { HOME: folder } })
  const source = { kind: 'folder', path: folder } as const
  const request = { workspaceId: 'abcdefghij', source, bindMounts: true, ...more }
  const { signal } = new AbortController()
  return readFrom(folderReader(folder), request, platform, silentReport, signal).then(
    ({ definition }) => definition,
  )
}

describe('a definition that was given as a text', () => {
  const text = '{"image": "node:22", "forwardPorts": [5173]} // mine'

  it('is remembered, and read again where the source has none', async () => {
    const made = await read({ definitionText: text })
    expect(made).toMatchObject({ image: 'node:22', givenText: text })
    expect(isGiven(made)).toBe(true)
    expect(describeDefinition(made)).toBe('The definition that was given: node:22')
    // As it comes back from the target, with what Features and the image brought.
    const stored = Definition.parse({
      ...JSON.parse(JSON.stringify(made)),
      contributedLifecycle: [{ origin: 'node:22', lifecycle: { postCreateCommand: 'true' } }],
    })
    expect(await read({ given: stored })).toEqual(made)
    expect(await read({ given: stored, image: 'alpine' })).toMatchObject({
      image: 'alpine',
      forwardPorts: [5173],
    })
  })

  it('gives way to one that the source has by now', async () => {
    const made = await read({ definitionText: text })
    mkdirSync(join(folder, '.devcontainer'))
    writeFileSync(join(folder, '.devcontainer/devcontainer.json'), '{"image": "alpine"}')
    expect(await read({ given: made })).toMatchObject({
      image: 'alpine',
      path: '.devcontainer/devcontainer.json',
    })
  })

  it('holds as it was where its text was too long to be kept', async () => {
    const made = await read({ definitionText: `${text}${' '.repeat(100_000)}` })
    expect(made).not.toHaveProperty('givenText')
    const merged = { ...made, featureEntrypoints: ['/init'] }
    expect(await read({ given: merged })).toEqual(made)
  })
})
