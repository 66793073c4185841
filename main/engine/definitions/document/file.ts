import { type ProblemError, problem } from '#contract'
import type { RepositoryReader } from '../reader'

/** The bytes of a definition. Rejects with `definition-invalid` where there is no such file, or it is longer than `limit` bytes. */
export async function readDefinitionFile(
  path: string,
  reader: RepositoryReader,
  limit: number,
): Promise<Uint8Array> {
  const bytes = await reader.read(path, limit)
  if (!bytes) throw noDefinition(path, await reader.exists(path))
  return bytes
}

/** `there`: something of this name is, and it is no file. */
export function noDefinition(path: string, there: boolean): ProblemError {
  return problem({
    code: 'definition-invalid',
    title: there ? `${path} is not a file` : `There is no ${path}`,
    cause: there
      ? 'Something else has the name of a definition: a folder, say, or a pipe.'
      : 'The source has no file of this name.',
    remedy: there
      ? 'Put a file there, take it away, or choose an image when you create the workspace.'
      : 'Choose one of the definitions that the source has.',
  })
}
