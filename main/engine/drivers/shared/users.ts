import { problem, type WorkspaceUser } from '#contract'

/** What only a look at an image's files can tell. */
export interface InsideImage {
  /** Its /etc/passwd; empty where the image has none. */
  readonly passwd: string
  readonly hasShell: boolean
}

/** A line of /etc/passwd (passwd(5)). */
interface Account extends WorkspaceUser {}

function readAccounts(passwd: string): Account[] {
  const accounts: Account[] = []
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid, , home, shell] = line.split(':')
    if (!name || uid === undefined || gid === undefined || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) continue
    accounts.push({ name, uid: Number(uid), gid: Number(gid), home: home || '/', ...(shell && { shell }) })
  }
  return accounts
}

/**
 * The account that a Docker user string means: `name`, `uid`, `name:group` or `uid:gid`. A uid without an account is
 * taken as it is, as Docker does; a name without one is a `user-not-found` Problem.
 */
export function resolveUser(user: string, inside: InsideImage, image: string): WorkspaceUser {
  const [who = '', group] = user.split(':', 2)
  const wanted = who || 'root'
  const accounts = readAccounts(inside.passwd)
  const numeric = /^\d+$/.test(wanted)
  const account =
    accounts.find((one) => one.name === wanted) ??
    (numeric ? accounts.find((one) => one.uid === Number(wanted)) : undefined)
  const gid = group !== undefined && /^\d+$/.test(group) ? Number(group) : undefined
  const named = group === undefined || group === '' ? {} : { group }
  if (account) {
    // Accounts that may not log in still get a shell when a definition says to work as them.
    const usable = account.shell && !/\/(nologin|false|sync)$/.test(account.shell) ? account.shell : undefined
    const { shell: _, ...rest } = account
    const shell = inside.hasShell ? (usable ?? '/bin/sh') : undefined
    return { ...rest, ...(gid !== undefined && { gid }), ...named, ...(shell && { shell }) }
  }
  if (numeric || wanted === 'root') {
    const uid = numeric ? Number(wanted) : 0
    return {
      name: wanted,
      uid,
      gid: gid ?? 0,
      ...named,
      home: '/',
      ...(inside.hasShell && { shell: '/bin/sh' }),
    }
  }
  throw problem({
    code: 'user-not-found',
    title: `The image "${image}" has no user "${wanted}"`,
    cause: 'The definition names a user that is not in the /etc/passwd of the image.',
    remedy: 'Correct remoteUser or containerUser, or create the user in the image.',
  })
}

/** Numbers of the groups that an image's /etc/group counts a user among, besides its own (group(5)). */
export function groupsOf({ name, gid }: WorkspaceUser, group: string): number[] {
  const numbers = new Set<number>()
  for (const line of group.split('\n')) {
    const [, , number = '', members = ''] = line.split(':')
    const isMember = name !== '' && members.split(',').includes(name)
    if (/^\d{1,10}$/.test(number) && Number(number) !== gid && isMember) numbers.add(Number(number))
  }
  return [...numbers]
}
