import { describe, expect, it } from 'vitest'
import { readDefinition } from './index'
import { memoryReader, testContext } from './memory-reader.test-helper'

const project = { 'package.json': '{}', 'package-lock.json': '{}' }
const own = { '.devcontainer/devcontainer.json': '{"image": "alpine"}', Dockerfile: 'FROM x' }

describe('a definition that is given as a text', () => {
  it('is read in place of what the source has, and has no path', async () => {
    const text = '{\n  // mine\n  "image": "node:22", "build": null\n}'
    const { definition, candidates } = await readDefinition(memoryReader(own), testContext, 'Dockerfile', {
      text,
    })
    expect(definition).toMatchObject({ format: 'devcontainer', image: 'node:22' })
    expect(definition).not.toHaveProperty('path')
    expect(candidates).toEqual(['.devcontainer/devcontainer.json', 'Dockerfile'])
  })

  it('may build from a file of the source, as seen from where it would be', async () => {
    const text = '{"build": {"dockerfile": "../Dockerfile"}}'
    const { definition } = await readDefinition(memoryReader(own), testContext, undefined, { text })
    expect(definition.build?.dockerfile).toBe('Dockerfile')
  })

  it('tells the place of a mistake', async () => {
    const text = '{\n  "image": 5\n}'
    await expect(readDefinition(memoryReader({}), testContext, undefined, { text })).rejects.toMatchObject({
      problem: { code: 'definition-invalid', cause: expect.stringContaining('Line 2, column 12') },
    })
  })

  it('is not longer than any other', async () => {
    const text = `{"name": "${'ä'.repeat(600_000)}"}`
    await expect(readDefinition(memoryReader({}), testContext, undefined, { text })).rejects.toMatchObject({
      problem: { code: 'definition-invalid', cause: 'It has more than 1024 KiB.' },
    })
  })
})

describe('a proposal', () => {
  it('is made only where it was asked for and there is no definition, and is not used', async () => {
    const { definition, proposal } = await readDefinition(memoryReader(project), testContext, undefined, {
      propose: true,
    })
    expect(definition).toMatchObject({ format: 'default', image: testContext.defaultImage })
    expect(proposal?.reasons.map(({ what }) => what)).toEqual(['Node 22', 'npm ci'])
    const used = await readDefinition(memoryReader(project), testContext, undefined, {
      text: proposal?.text ?? '',
    })
    expect(used.definition.lifecycle).toEqual({ postCreateCommand: 'npm ci' })
    expect(await readDefinition(memoryReader(project), testContext)).not.toHaveProperty('proposal')
    const both = memoryReader({ ...project, ...own })
    expect(await readDefinition(both, testContext, undefined, { propose: true })).not.toHaveProperty(
      'proposal',
    )
  })
})
