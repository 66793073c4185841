import { posix } from 'node:path'
import type { DefinitionFormat } from '../reader'
import { readGitpod } from './read'

/** .gitpod.yml, as Gitpod's JSON schema describes it. */
export const gitpodFormat: DefinitionFormat = {
  format: 'gitpod',
  automatic: true,
  async find(reader) {
    const found: string[] = []
    for (const path of ['.gitpod.yml', '.gitpod.yaml']) if (await reader.exists(path)) found.push(path)
    return found
  },
  matches: (path) => /(?:^|\.)gitpod\.ya?ml$/i.test(posix.basename(path)),
  read: readGitpod,
}
