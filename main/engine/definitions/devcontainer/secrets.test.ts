import { describe, expect, it } from 'vitest'
import { memoryReader, testContext } from '../memory-reader.test-helper'
import { readDevcontainer } from './read'
import { writeDevcontainer } from './write'

const path = '.devcontainer/devcontainer.json'

const read = (text: string) => readDevcontainer(path, memoryReader({ [path]: text }), testContext)
const readSecrets = (secrets: unknown) => read(JSON.stringify({ image: 'debian', secrets }, null, 1))

describe('secrets', () => {
  it('are names with what the user is told of them', async () => {
    const definition = await readSecrets({
      API_TOKEN: { description: 'For the API', documentationUrl: 'https://example.com/tokens' },
      OTHER: {},
      THIRD: null,
    })
    expect(definition.secrets).toEqual([
      { name: 'API_TOKEN', description: 'For the API', documentationUrl: 'https://example.com/tokens' },
      { name: 'OTHER' },
      { name: 'THIRD' },
    ])
    expect(definition.notApplied).toEqual([])
    expect((await read(writeDevcontainer(definition))).secrets).toEqual(definition.secrets)
  })

  it('that cannot be, and links that lead elsewhere, are left out and said', async () => {
    const { secrets, notApplied } = await readSecrets({
      'no-name': {},
      PATH: { description: 'yours' },
      __proto__: {},
      OK: { documentationUrl: 'javascript:alert(1)', more: true },
    })
    expect(secrets).toEqual([{ name: 'OK' }])
    expect(notApplied.map(({ field }) => field)).toEqual([
      'secrets.no-name',
      'secrets.PATH',
      'secrets.OK.documentationUrl',
      'secrets.OK.more',
    ])
  })

  it('of another shape are refused with their place', async () => {
    await expect(readSecrets(['TOKEN'])).rejects.toMatchObject({ problem: { code: 'definition-invalid' } })
    await expect(readSecrets({ TOKEN: { description: [] } })).rejects.toMatchObject({
      problem: { detail: expect.stringContaining(path) },
    })
  })

  it('are asked for 50 at most', async () => {
    const many = Object.fromEntries(Array.from({ length: 52 }, (_, index) => [`T${index}`, {}]))
    const { secrets, notApplied } = await readSecrets(many)
    expect(secrets).toHaveLength(50)
    expect(notApplied.map(({ field }) => field)).toEqual(['secrets.T50', 'secrets.T51'])
  })
})
