import type { DefinitionFormat } from '../reader'
import { readDevcontainer } from './read'

const folder = '.devcontainer'

/** devcontainer.json, as containers.dev describes it. */
export const devcontainerFormat: DefinitionFormat = {
  format: 'devcontainer',
  automatic: true,
  async find(reader) {
    const found: string[] = []
    const names = await reader.list(folder)
    if (names.includes('devcontainer.json')) found.push(`${folder}/devcontainer.json`)
    if (await reader.exists('.devcontainer.json')) found.push('.devcontainer.json')
    for (const name of names.slice(0, 200)) {
      const path = `${folder}/${name}/devcontainer.json`
      if (name !== 'devcontainer.json' && (await reader.exists(path))) found.push(path)
    }
    return found
  },
  matches: (path) => /\.jsonc?$/i.test(path),
  read: readDevcontainer,
}
