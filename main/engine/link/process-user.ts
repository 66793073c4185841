import type { WorkspaceUser } from '#contract'

/** Who a workspace's processes run as, for an exec: `name`, `name:group` or `uid:gid`. */
export function processUser({ name, uid, gid, group, shell }: WorkspaceUser): string {
  // An image without a shell may have no list of users either, in which the name could be looked up.
  if (!shell) return `${uid}:${gid}`
  return group === undefined ? name : `${name}:${group}`
}
