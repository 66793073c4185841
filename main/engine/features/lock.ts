import { posix } from 'node:path'
import {
  jsonDocument,
  maximumBytes,
  parseFeatureReference,
  type RepositoryReader,
  Value,
} from '../definitions/index'
import { asWritten } from './as-written'

/** What a lock file says of a Feature (containers.dev, "Lockfiles"). */
export interface LockedFeature {
  readonly version: string
  /** `registry/path@sha256:…`, or the address of a tarball. */
  readonly resolved: string
  /** `sha256:…` of the manifest, or of the tarball. */
  readonly integrity: string
}

export interface FeatureLock {
  /** Of the lock file, relative to the repository's root. */
  readonly path: string
  /** By references in lower case, as the definition writes them. */
  readonly features: ReadonlyMap<string, LockedFeature>
}

const digestForm = /^sha256:[0-9a-f]{64}$/

/** Where the lock file of a devcontainer.json is. */
export function lockPath(definitionPath: string): string {
  const name = posix.basename(definitionPath).startsWith('.')
    ? '.devcontainer-lock.json'
    : 'devcontainer-lock.json'
  return posix.join(posix.dirname(definitionPath), name)
}

/**
 * Reads the lock file beside a devcontainer.json; undefined where there is none, or an empty one. Rejects with
 * `definition-invalid`, with file, line and column.
 */
export async function readLock(
  reader: RepositoryReader,
  definitionPath: string,
): Promise<FeatureLock | undefined> {
  const path = lockPath(definitionPath)
  const bytes = await reader.read(path, maximumBytes)
  // An empty one asks for being filled.
  if (!bytes || Buffer.from(bytes).toString('utf8').trim() === '') return undefined
  const document = jsonDocument(path, bytes)
  const root = new Value('', document.root, { document, substitution: asWritten, notApplied: [] })
  const features = new Map<string, LockedFeature>()
  for (const [reference, value] of root.fields().get('features')?.fields() ?? []) {
    features.set(reference.toLowerCase(), readLocked(reference, value))
  }
  return { path, features }
}

function readLocked(reference: string, value: Value): LockedFeature {
  const fields = value.fields()
  const text = (name: string) => {
    const field = fields.get(name)
    if (!field) throw value.wrong(`"${reference}" has no "${name}".`, renew)
    return { field, text: field.text() }
  }
  const integrity = text('integrity')
  if (!digestForm.test(integrity.text)) {
    throw integrity.field.mustBe('"sha256:" and 64 hexadecimal digits', renew)
  }
  const resolved = text('resolved')
  const wanted = parseFeatureReference(reference)
  const found = parseFeatureReference(resolved.text)
  const isSame =
    'wanted' in wanted || 'wanted' in found
      ? false
      : wanted.kind === 'registry' && found.kind === 'registry'
        ? wanted.resource === found.resource && found.digest !== undefined
        : wanted.kind === 'tarball' && found.kind === 'tarball'
  if (!isSame) {
    throw resolved.field.wrong(
      `"resolved" of "${reference}" must name the same Feature, with its digest.`,
      renew,
    )
  }
  return { version: fields.get('version')?.text() ?? '', resolved: resolved.text, integrity: integrity.text }
}

const renew = 'Correct it, or delete the lock file and have it written again.'
