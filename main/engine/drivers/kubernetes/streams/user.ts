import { problem } from '#contract'

/** Who the processes of a container run as. */
export interface Identity {
  readonly uid: number
  readonly gid: number
  readonly name?: string
}

/** Whether `user` (name, uid or uid:gid) is who the container's processes run as anyway. */
export function isSameUser(user: string, identity: Identity | undefined): boolean {
  if (!identity) return false
  const { uid, gid, name } = identity
  return user === name || user === String(uid) || user === `${uid}:${gid}` || user === `${name}:${gid}`
}

/**
 * Finds out how to become a user. Prints one line: `same`, `absent`, `denied <own uid>`, `no-tool`, or the tool, uid,
 * gid, name and home, separated by tabs. It needs sh and /proc alone; argument: `name`, `uid`, or either with `:gid`.
 */
const script = `
who=\${1%%:*}
group=
case $1 in *:*) group=\${1#*:} ;; esac
uid=
gid=
name=
home=/
while IFS=: read -r n p u g c h s; do
  if [ "$n" = "$who" ] || [ "$u" = "$who" ]; then
    uid=$u gid=$g name=$n home=$h
    break
  fi
done 2>/dev/null </etc/passwd
if [ -z "$uid" ]; then
  case $who in
    '') uid=0 ;;
    *[!0-9]*) [ "$who" = root ] || { echo absent; exit; }; uid=0 ;;
    *) uid=$who ;;
  esac
  gid=0
fi
case $group in
  '' | *[!0-9]*) ;;
  *) gid=$group ;;
esac
while read -r key own rest; do
  case $key in
    Uid:) me=$own ;;
    Gid:) mine=$own ;;
  esac
done </proc/self/status
if [ "$me" = "$uid" ] && { [ -z "$group" ] || [ "$mine" = "$gid" ]; }; then echo same; exit; fi
[ "$me" = 0 ] || { echo "denied $me"; exit; }
tool=
if setpriv --reuid "$uid" --regid "$gid" --clear-groups -- /bin/sh -c : >/dev/null 2>&1; then
  tool=setpriv
elif [ -n "$name" ] && su -s /bin/sh -c : -- "$name" >/dev/null 2>&1; then
  tool=su
fi
[ -n "$tool" ] || { echo no-tool; exit; }
printf '%s\\t%s\\t%s\\t%s\\t%s\\n' "$tool" "$uid" "$gid" "$name" "$home"
`

/** The command that looks how to become `user`; {@link readSwitch} reads what it prints. */
export function switchCommand(user: string): string[] {
  return ['/bin/sh', '-c', script, 'berth', user]
}

export interface Switch {
  /** What to put in front of a command. */
  readonly prefix: readonly string[]
  /** The user's home, where another user's would be inherited. */
  readonly home?: string
}

/** Reads the answer of {@link switchCommand}; rejects with the Problem of who nobody can become here. */
export function readSwitch(user: string, answer: string, title: string): Switch {
  const line = answer.trim()
  if (line === 'same') return { prefix: [] }
  if (line === 'absent') {
    throw problem({
      code: 'user-not-found',
      title,
      cause: `The workspace has no user "${user}".`,
      remedy: 'Correct remoteUser in the definition and rebuild.',
    })
  }
  if (line.startsWith('denied')) {
    throw problem({
      code: 'permission-denied',
      title,
      cause: `The workspace's processes run as uid ${line.slice('denied '.length)}, who cannot become "${user}".`,
      remedy: `On a cluster only a workspace that runs as root can run commands as others. Set remoteUser or containerUser to "${user}" in the definition and rebuild.`,
    })
  }
  const [tool, uid, gid, name, home] = line.split('\t')
  if (tool === 'setpriv' && uid && gid) {
    const groups = name ? '--init-groups' : '--clear-groups'
    return {
      prefix: ['setpriv', '--reuid', uid, '--regid', gid, groups, '--'],
      ...(home && { home }),
    }
  }
  if (tool === 'su' && name) {
    return { prefix: ['su', '-s', '/bin/sh', '-c', 'exec "$@"', '--', name, 'sh'], ...(home && { home }) }
  }
  throw problem({
    code: 'unsupported',
    title,
    cause: `Neither setpriv nor su can make root "${user}" in this workspace.`,
    remedy: `Set remoteUser or containerUser to "${user}" in the definition and rebuild, so that all of the workspace runs as that user.`,
    ...(line && { detail: line }),
  })
}
