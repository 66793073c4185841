import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command, tryCommand } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { Machine, purge, Rig, writeFiles } from '../workspaces/rig'
import { cases, METADATA_IMAGE, metadataLabel } from './cases'
import { compare, differences } from './compare'

/** Milliseconds for one definition: images are built for both, and the tool alone has ten minutes. */
const LIMIT = 15 * 60_000

let machine: Machine
let rig: Rig
let folder: string

beforeAll(async () => {
  machine = new Machine()
  rig = new Rig(machine)
  await rig.service.settled
  await makeMetadataImage()
  folder = mkdtempSync(join(tmpdir(), 'berth-compare-cases-'))
})
afterAll(async () => {
  await rig?.dispose()
  purge()
  machine?.dispose()
  await tryCommand('docker', ['rmi', METADATA_IMAGE])
  rmSync(folder, { recursive: true, force: true })
})

async function makeMetadataImage(): Promise<void> {
  const container = (await command('docker', ['create', TEST_IMAGES.debian])).trim()
  await command('docker', [
    'commit',
    '--change',
    `LABEL devcontainer.metadata=${JSON.stringify(metadataLabel)}`,
    container,
    METADATA_IMAGE,
  ])
  await command('docker', ['rm', container])
}

/** Users, environments, mounts, files and labels, looked at in both containers. */
describe('a definition is in Berth what the dev container tool makes of it', { timeout: LIMIT }, () => {
  it.each(Object.entries(cases))('%s', async (name, { definition, files, known = {} }) => {
    const repository = join(folder, name.replaceAll(/\W+/g, '-').toLowerCase())
    writeFiles(repository, files)
    const comparison = await compare(repository, definition, rig)
    // That both fail would be the same, and no comparison.
    expect(comparison.reference).toBeTypeOf('object')
    const found = differences(comparison)
    const isKnown = (line: string) => Object.keys(known).some((beginning) => line.startsWith(beginning))
    expect(found.filter((line) => !isKnown(line))).toEqual([])
    for (const beginning of Object.keys(known))
      expect(
        found.some((line) => line.startsWith(beginning)),
        `${beginning} differs no more`,
      ).toBe(true)
  })
})
