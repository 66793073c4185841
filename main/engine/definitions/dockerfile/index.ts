import { posix } from 'node:path'
import { emptyDefinition } from '#contract'
import { noDefinition } from '../document/file'
import type { DefinitionFormat } from '../reader'

/**
 * A Dockerfile alone. Most build what is to be deployed and not a place to work in, so one is used only when
 * somebody chose it.
 */
export const dockerfileFormat: DefinitionFormat = {
  format: 'dockerfile',
  automatic: false,
  async find(reader) {
    return (await reader.exists('Dockerfile')) ? ['Dockerfile'] : []
  },
  matches: (path) => /(?:^|\.)(?:dockerfile|containerfile)(?:\.|$)/i.test(posix.basename(path)),
  async read(path, reader, context) {
    if (!(await reader.exists(path))) throw noDefinition(path, false)
    return {
      ...emptyDefinition(context.sourceName),
      format: 'dockerfile',
      path,
      build: { dockerfile: path, context: posix.dirname(path), args: {} },
    }
  },
}
