import type { Service } from '#contract'
import { resolveUser } from '../../shared/users'
import type { LookedAt } from './image-cache'

/** Whether a node can be told of a service's user as it stands: it knows users by their numbers alone. */
export const isByNumber = (user: string) => /^\d+(?::\d+)?$/.test(user)

/**
 * The users of services that are given by name, as `uid:gid`, by what is in their images. `look` looks into one. Who
 * cannot be told, for want of a shell that could be asked, is said to `say`: such a service runs as its image says.
 */
export async function serviceUsers(
  services: readonly Service[],
  images: Readonly<Record<string, string>>,
  look: (image: string) => Promise<LookedAt>,
  say: (text: string) => void,
): Promise<Record<string, string>> {
  const users: Record<string, string> = {}
  for (const { name, user } of services) {
    const image = images[name]
    if (user === undefined || image === undefined || isByNumber(user)) continue
    const found = await look(image)
    if (!found.hasShell && !/^root(?::|$)/.test(user)) {
      say(
        `The service ${name} runs as its image says: who "${user}" is in ${image} is not known, as it has no shell.\n`,
      )
      continue
    }
    const { uid, gid } = resolveUser(user, found, image)
    users[name] = `${uid}:${gid}`
  }
  return users
}
