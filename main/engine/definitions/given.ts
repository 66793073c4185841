import { problem } from '#contract'
import { maximumBytes } from './document/document'
import type { RepositoryReader } from './reader'

/** Where a definition that is given as a text is read, as if the source had it there. */
export const givenPath = '.devcontainer/devcontainer.json'

/** A repository in which a definition that somebody gave stands in its place; everything else is as it was. */
export function withGiven(reader: RepositoryReader, text: string): RepositoryReader {
  return {
    list: (folder) => reader.list(folder),
    exists: async (path) => path === givenPath || (await reader.exists(path)),
    async read(path, limit) {
      if (path !== givenPath) return reader.read(path, limit)
      const bytes = new TextEncoder().encode(text)
      if (bytes.length <= Math.min(limit, maximumBytes)) return bytes
      throw problem({
        code: 'definition-invalid',
        title: 'The definition is too large',
        cause: `It has more than ${maximumBytes / 1024} KiB.`,
        remedy: 'A definition is a small file; check that it is the right one.',
      })
    },
  }
}
