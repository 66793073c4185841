import { problem } from '#contract'

/** Names the processes of one exec: every descendant inherits it. */
export const EXEC_MARKER = 'BERTH_EXEC'

/**
 * A POSIX shell script that signals every process which carries a marker in its environment, and all their
 * descendants, whose environment may have been cleaned (sudo, env -i). Arguments: the marker as `NAME=value`, then
 * signal names, without SIG, each but the first sent after half a second and only if something is left.
 * It needs sh, grep and /proc, and no ps.
 */
const script = `
marker=$1; shift
find() {
  pids=' '
  for folder in /proc/[0-9]*; do
    pid=\${folder#/proc/}
    [ "$pid" = "$$" ] && continue
    grep -q "$marker" "$folder/environ" 2>/dev/null && pids="$pids$pid "
  done
  grown=1
  while [ "$grown" = 1 ]; do
    grown=0
    for folder in /proc/[0-9]*; do
      pid=\${folder#/proc/}
      case "$pids" in *" $pid "*) continue;; esac
      [ "$pid" = "$$" ] && continue
      parent=
      while read -r key value; do
        if [ "$key" = PPid: ]; then parent=$value; break; fi
      done 2>/dev/null <"$folder/status"
      [ -z "$parent" ] && continue
      case "$pids" in *" $parent "*) pids="$pids$pid "; grown=1;; esac
    done
  done 2>/dev/null
}
first=1
for signal in "$@"; do
  [ "$first" = 1 ] || sleep 0.5 2>/dev/null || sleep 1
  first=0
  find
  [ "$pids" = ' ' ] && exit 0
  kill -s "$signal" $pids 2>/dev/null
done
exit 0
`

/** The command that signals an exec's processes. */
export function signalCommand(marker: string, signals: readonly string[]): string[] {
  return ['/bin/sh', '-c', script, 'berth', `${EXEC_MARKER}=${marker}`, ...signals]
}

const signalNames = /^(?:SIG)?(HUP|INT|QUIT|KILL|TERM|USR1|USR2|STOP|CONT|TSTP|WINCH|ALRM|PIPE|ABRT)$/

/** `SIGTERM` or `TERM` as kill's `-s` wants it. Throws the Problem of what is no signal. */
export function signalName(signal: string): string {
  const name = signalNames.exec(signal.toUpperCase())?.[1]
  if (name) return name
  throw problem({
    code: 'invalid-input',
    title: 'Unknown signal',
    cause: `"${signal}" is not a signal's name.`,
    remedy: 'Write it as SIGTERM or SIGINT, say.',
  })
}
