import { posix } from 'node:path'
import type { DefinitionFormat } from '../reader'
import { readDevfile } from './read'

/** Names of a devfile, the one that odo and Che look for first before the others. */
const names = ['devfile.yaml', '.devfile.yaml', 'devfile.yml', '.devfile.yml']

/** devfile.yaml, as devfile.io describes it. */
export const devfileFormat: DefinitionFormat = {
  format: 'devfile',
  automatic: true,
  async find(reader) {
    const found: string[] = []
    for (const name of names) {
      if (await reader.exists(name)) found.push(name)
    }
    return found
  },
  matches: (path) => /devfile[\w.-]{0,100}\.ya?ml$/i.test(posix.basename(path)),
  read: readDevfile,
}
