import { expect, it } from 'vitest'
import { resolveFeatures } from './resolve'

it('goes round and round in no folder whose links lead back to it', async () => {
  const files: Readonly<Record<string, string>> = {
    'feature/devcontainer-feature.json': '{"id": "feature"}',
    'feature/install.sh': 'true',
  }
  const eight = Array.from({ length: 8 }, (_, index) => `again${index}`)
  // Eight links on each of sixteen levels: without a bound, there is no end to it.
  const reader = {
    read: async (path: string) => (Object.hasOwn(files, path) ? Buffer.from(files[path] ?? '') : undefined),
    exists: async () => true,
    list: async (folder: string) =>
      folder === 'feature' ? ['devcontainer-feature.json', 'install.sh', 'inside'] : eight,
  }
  const resolving = resolveFeatures([{ reference: './feature', options: {} }], {
    signal: new AbortController().signal,
    patience: 5000,
    reader,
  })
  await expect(resolving).rejects.toMatchObject({
    problem: { code: 'feature-invalid', title: expect.stringContaining('too large') },
  })
})
