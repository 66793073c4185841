import { describe, expect, it } from 'vitest'
import { memoryReader } from '../definitions/memory-reader.test-helper'
import { lockPath, readLock } from './lock'

const digest = `sha256:${'a'.repeat(64)}`
const read = (text: string) =>
  readLock(memoryReader({ '.devcontainer/devcontainer-lock.json': text }), '.devcontainer/devcontainer.json')

describe('readLock', () => {
  it('finds the file beside the definition', () => {
    expect(lockPath('.devcontainer/devcontainer.json')).toBe('.devcontainer/devcontainer-lock.json')
    expect(lockPath('.devcontainer/go/devcontainer.json')).toBe('.devcontainer/go/devcontainer-lock.json')
    expect(lockPath('.devcontainer.json')).toBe('.devcontainer-lock.json')
  })

  it('reads entries of registries and addresses', async () => {
    const url = 'https://a.test/f.tgz'
    const lock = await read(
      JSON.stringify({
        features: {
          'ghcr.io/N/A:1': {
            version: '1.0.4',
            resolved: `ghcr.io/n/a@${digest}`,
            integrity: digest,
            dependsOn: ['x'],
          },
          [url]: { version: '2', resolved: url, integrity: digest },
        },
      }),
    )
    expect([...(lock?.features ?? [])]).toEqual([
      ['ghcr.io/n/a:1', { version: '1.0.4', resolved: `ghcr.io/n/a@${digest}`, integrity: digest }],
      [url, { version: '2', resolved: url, integrity: digest }],
    ])
  })

  it('takes none and an empty one for the same', async () => {
    expect(await read(' \n')).toBeUndefined()
    expect(await readLock(memoryReader({}), 'devcontainer.json')).toBeUndefined()
    expect((await read('{}'))?.features.size).toBe(0)
  })

  it.each([
    [{ resolved: `ghcr.io/n/a@${digest}` }, /has no "integrity"/],
    [{ resolved: `ghcr.io/n/a@${digest}`, integrity: 'sha1:x' }, /integrity" must be "sha256:"/],
    [{ resolved: `ghcr.io/n/b@${digest}`, integrity: digest }, /must name the same Feature/],
    [{ resolved: 'ghcr.io/n/a:1', integrity: digest }, /must name the same Feature/],
    [{ resolved: 'https://evil.test/f.tgz', integrity: digest }, /must name the same Feature/],
    ['x', /must be an object/],
  ])('refuses %j with its place', async (entry, cause) => {
    const text = `{\n"features": {"ghcr.io/n/a:1": ${JSON.stringify(entry)}}}`
    await expect(read(text)).rejects.toMatchObject({
      problem: {
        code: 'definition-invalid',
        title: '.devcontainer/devcontainer-lock.json has a mistake in line 2',
        cause: expect.stringMatching(cause),
      },
    })
  })
})
