/** Calls of `gp`, Gitpod's own command, each with what follows. */
const calls = /(?<![\w./-])gp[ \t]+([a-z][a-z-]*)(?:[ \t]+([a-z]+))?/g

/** What it does here; the rest of it only says that it is Gitpod's. */
const honoured = ['await-port', 'sync-await', 'sync-done', 'url']
const others =
  'credential-helper docs env info init open ports preview rebuild snapshot stop tasks timeout top user-info validate'.split(
    ' ',
  )

/** What shell lines ask of it. */
export interface GitpodCalls {
  readonly any: boolean
  /** Something that it does not do here. */
  readonly other: boolean
  readonly url: boolean
}

export function gitpodCalls(text: string): GitpodCalls {
  let [any, other, url] = [false, false, false]
  for (const [, verb = '', object] of text.matchAll(calls)) {
    const isOther = others.includes(verb) && !(verb === 'ports' && object === 'await')
    if (!isOther && !honoured.includes(verb) && verb !== 'ports') continue
    any = true
    other ||= isOther
    url ||= verb === 'url'
  }
  return { any, other, url }
}

/**
 * Defines `gp` for shell lines that call it, where the image has none: how tasks wait for each other and for ports, and
 * the address of a port, which is forwarded to the same one of the user's machine where that is free. What it only shows
 * in Gitpod succeeds without effect, so that lines which go on after it do. For every POSIX shell; what tasks run with
 * bash has it too.
 */
export const gitpodCommand = `if ! command -v gp >/dev/null 2>&1; then
gp() {
  if [ "\${1-} \${2-}" = 'ports await' ]; then
    shift 2
    set -- await-port "$@"
  fi
  case "\${1-}" in
  await-port)
    case "\${2-}" in
    '' | *[!0-9]* | ??????*)
      echo 'gp: the number of a port is missing' >&2
      return 1
      ;;
    esac
    echo "Waiting for port $2"
    until grep -qs "$(printf ':%04X' "$2") [0-9A-F]*:0000 0A" /proc/net/tcp /proc/net/tcp6; do sleep 1; done
    ;;
  sync-done) : >"/tmp/.gp-sync-$(printf %s "\${2-}" | tr -c 'A-Za-z0-9_.-' _)" ;;
  sync-await)
    echo "Waiting for \${2-}"
    until [ -e "/tmp/.gp-sync-$(printf %s "\${2-}" | tr -c 'A-Za-z0-9_.-' _)" ]; do sleep 1; done
    ;;
  url) echo "http://localhost\${2:+:$2}" ;;
  docs | env | info | open | ports | preview | tasks | timeout | top)
    echo "gp: "$1" is Gitpod's own, and does nothing here" >&2
    ;;
  *)
    echo "gp: "\${1-}" is Gitpod's own, and is not here" >&2
    return 1
    ;;
  esac
}
if [ -n "\${BASH_VERSION-}" ]; then export -f gp; fi
fi
`
