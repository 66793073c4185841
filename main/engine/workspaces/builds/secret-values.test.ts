import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { buildSecretValues } from './secret-values'

it('knows every value that a build may get: typed, of a variable, of a file, and of the repository', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-secret-values-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'token')
  await writeFile(file, 'of a file')
  const values = await buildSecretValues({
    named: [
      { id: 'renamed', env: 'OTHER' },
      { id: 'kept', file: 'kept.txt' },
      { id: 'gone', file: 'gone' },
    ],
    grants: {
      secrets: [
        { id: 'typed' },
        { id: 'renamed' },
        { id: 'chosen', env: 'CHOSEN' },
        { id: 'file', file },
        { id: 'missing', file: join(folder, 'missing') },
      ],
      values: new Map([['typed', 'as typed']]),
    },
    env: { OTHER: 'of another', CHOSEN: 'of a chosen one', typed: 'by its id', UNASKED: 'nobody asked' },
    reader: {
      read: async (path) => {
        if (path === 'gone') throw new Error('It leads out')
        return Buffer.from(`text of ${path}`)
      },
    },
  })
  expect(new Set(values)).toEqual(
    new Set(['as typed', 'of another', 'of a chosen one', 'of a file', 'text of kept.txt', 'by its id']),
  )
})
