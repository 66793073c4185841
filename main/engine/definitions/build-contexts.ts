import type { BuildContext } from '#contract'
import type { BuildExtras } from './build-options'
import { isImageName } from './image-name'
import { insideRepository } from './paths'

/** Of a name, in characters. A name is that of a stage, or an image's: BuildKit takes both for the latter. */
const longestName = 256
export const leadsOut = 'it leads out of the repository'
const remoteForm = /^(?:https?:\/\/|git:\/\/|ssh:\/\/|git@|github\.com\/)/i

/**
 * What else a build may take from under a name (docs.docker.com, "docker buildx build", `--build-context`): a folder of
 * the repository, `docker-image://` and an image, or an address that the builder fetches. `base`: what a relative path
 * is relative to, within the repository. Anything else is named with the reason.
 */
export function addContext(
  name: string,
  value: string,
  build: BuildExtras,
  { base = '.', refuse }: { readonly base?: string; readonly refuse: (reason: string) => void },
): void {
  const context = contextOf(name, value, base)
  if (typeof context === 'string') refuse(context)
  else build.contexts = [...(build.contexts ?? []).filter((one) => one.name !== name), context]
}

function contextOf(name: string, value: string, base: string): BuildContext | string {
  if (name.length > longestName || !isImageName(name))
    return 'a context is written as NAME=FOLDER or NAME=docker-image://IMAGE'
  if (value.startsWith('docker-image://')) {
    const image = value.slice('docker-image://'.length)
    return isImageName(image) ? { name, image } : 'what follows docker-image:// is no name of an image'
  }
  if (/^oci-layout:/i.test(value)) return 'images that lie in folders are not read'
  if (/^(?:target|service):/i.test(value)) return 'an image is built without those of others'
  if (remoteForm.test(value)) {
    if (value.length > 2048 || /[\s"'\\$]/.test(value)) return 'this is no address that a build could fetch'
    return { name, url: value }
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(value))
    return 'only folders, images, and addresses of git and https are contexts'
  const folder = insideRepository(base, value)
  return folder === undefined ? leadsOut : { name, folder }
}
