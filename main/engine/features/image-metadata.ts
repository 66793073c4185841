import type { NotApplied } from '#contract'
import { jsonDocument, shorten, Value } from '../definitions/index'
import { asWritten } from './as-written'
import type { ResolvedFeature } from './resolve'

/** What a Feature, or whoever made an image, says of containers of it (containers.dev, "Image metadata"). */
export interface MetadataEntry {
  /** Who says so, as the user knows it: a Feature's reference, or an image's name. */
  readonly origin: string
  /** Its fields as written: they are looked at when they are applied. */
  readonly fields: Readonly<Record<string, unknown>>
}

export const metadataLabel = 'devcontainer.metadata'
const maximumLabel = 512 * 1024
const maximumEntries = 300

/** What a Feature adds to the image's metadata. */
export function entryOf({ reference, metadata }: ResolvedFeature): MetadataEntry {
  return { origin: reference, fields: { id: reference, ...metadata.fields } }
}

/**
 * Reads the label `devcontainer.metadata` of an image, which anybody may have written: what cannot be read is named
 * and never thrown. `image` is the image's name.
 */
export function parseMetadataLabel(
  label: string | undefined,
  image: string,
): { readonly entries: readonly MetadataEntry[]; readonly notApplied: readonly NotApplied[] } {
  const entries: MetadataEntry[] = []
  const notApplied: NotApplied[] = []
  const refuse = (reason: string) => notApplied.push({ field: `${metadataLabel} (${image})`, reason })
  if (label === undefined || label.trim() === '') return { entries, notApplied }
  if (label.length > maximumLabel) {
    refuse(`the label is longer than ${maximumLabel} characters`)
    return { entries, notApplied }
  }
  let values: readonly Value[]
  try {
    // In an object, so that it may be a list as well.
    const bytes = new TextEncoder().encode(`{"${metadataLabel}": ${label}\n}`)
    const document = jsonDocument(image, bytes)
    const root = new Value('', document.root, { document, substitution: asWritten, notApplied: [] })
    const fields = root.fields()
    const value = fields.get(metadataLabel)
    if (!value || fields.size !== 1) throw new SyntaxError('more than one value')
    values = value.type === 'array' ? value.items() : [value]
  } catch {
    refuse('the label is not JSON')
    return { entries, notApplied }
  }
  if (values.length > maximumEntries) {
    refuse(`the label has more than ${maximumEntries} entries`)
    return { entries, notApplied }
  }
  for (const value of values) {
    if (value.type !== 'object') {
      refuse('an entry of the label is not an object')
      continue
    }
    const fields = value.plain() as Record<string, unknown>
    const { id } = fields
    const origin = typeof id === 'string' && id !== '' ? `${shorten(id, 200)} in ${image}` : image
    entries.push({ origin, fields })
  }
  return { entries, notApplied }
}
