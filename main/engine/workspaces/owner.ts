import { hostname, userInfo } from 'node:os'

/** Who makes workspaces here: `user@host`. A label, so only what labels may have. */
export function thisOwner(env: Readonly<Record<string, string | undefined>>): string {
  let user = env.USER ?? env.USERNAME ?? ''
  try {
    user = userInfo().username
  } catch {
    // A uid without an entry in the system's list of users: the environment's word has to do.
  }
  return `${user || 'user'}@${hostname()}`.replace(/[^\w.@-]/g, '-').slice(0, 63)
}
