import { readFile, stat } from 'node:fs/promises'
import type { BuildSecret } from '#contract'
import type { RepositoryReader } from '../../definitions/index'
import type { HeldGrants } from '../../drivers/driver'

/** BuildKit takes no larger ones, in bytes. */
const LARGEST = 500 * 1024

/** What builds may be given. */
export interface BuildSecretSources {
  /** Those that the definition names. */
  readonly named: readonly BuildSecret[]
  readonly grants: HeldGrants | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Reads the source. */
  readonly reader: Pick<RepositoryReader, 'read'> | undefined
}

/** The values of whatever secrets builds may get, so that nothing shows them. What cannot be read is not given either. */
export async function buildSecretValues({
  named,
  grants,
  env,
  reader,
}: BuildSecretSources): Promise<readonly string[]> {
  const granted = grants?.secrets ?? []
  const variables = granted.flatMap(({ id, env: variable }) => [
    variable ?? named.find((secret) => secret.id === id)?.env ?? id,
  ])
  const files = await Promise.all([
    ...granted.flatMap(({ file }) => (file === undefined ? [] : [textOf(file)])),
    ...named.flatMap(({ file }) =>
      file === undefined || !reader
        ? []
        : [
            reader.read(file, LARGEST).then(
              (bytes) => bytes && Buffer.from(bytes).toString(),
              () => undefined,
            ),
          ],
    ),
  ])
  const values = [...(grants?.values?.values() ?? []), ...variables.map((name) => env[name]), ...files]
  return values.flatMap((value) => (value === undefined || value === '' ? [] : [value]))
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() && found.size <= LARGEST ? await readFile(path, 'utf8') : undefined
  } catch {
    return undefined
  }
}
