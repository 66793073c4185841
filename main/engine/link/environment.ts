import path from 'node:path'
import type { Workspace } from '#contract'
import type { ExecOptions } from '../drivers/driver'
import { shellQuoted } from '../platform/shell-quoted'
import { needsContainerEnvironment, substituteEnvironment } from '../platform/variables'
import { type Keeping, type KeptPlace, type Mark, readingLines } from './kept-environment'
import type { LinkExecOptions } from './link'
import { processUser } from './process-user'
import { variablesLines } from './variables-file'

/** What a workspace must say for a command to run in it as its user expects. */
export type ExecContext = Pick<Workspace, 'definition' | 'user'> & Partial<Pick<Workspace, 'id'>>

/** Whether a command that is to run as this one runs as the workspace's user. */
export function isUser({ user }: Pick<ExecContext, 'user'>, asked: string | undefined): boolean {
  return asked === undefined || asked === user.name || asked === String(user.uid)
}

/** What our lines of `sh` are called. */
const OURS = 'berth'
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/
const CONTAINER_VARIABLE = /\$\{containerEnv:([^:}]+)(?::([^}]*))?\}/g

/**
 * Runs the user's shell so that it has both what its login files set and the PATH that the image or definition set:
 * /etc/profile of Debian and Alpine puts PATH back to the distribution's own, and would hide a tool that the image
 * was made for. A login shell it is wherever nothing was lost; else an interactive one in the login environment.
 */
const loginShell = `case $1 in */nologin|*/false|'') set -- ;; esac
s=$1
[ -x "$s" ] || s=$(command -v bash) || s=$(command -v sh) || s=/bin/sh
SHELL=$s
export SHELL
case \${s##*/} in bash|dash|ash|sh|ksh|mksh|zsh) ;; *) exec "$s" -l ;; esac
exec "$s" -l -c 'r=$1:
a=
while [ -n "$r" ]; do
  p=\${r%%:*}
  r=\${r#*:}
  case $p in ""|/sbin|/usr/sbin|/usr/local/sbin) continue ;; esac
  case :$PATH: in *:"$p":*) ;; *) a=$a$p: ;; esac
done
[ -n "$a" ] || exec "$0" -l
PATH=$a$PATH
export PATH
exec "$0" -i' "$s" "$PATH"`

/**
 * What the driver is to run for what a service asked for: as the workspace user, in the workspace folder (or home,
 * or `/`, where that does not exist), with remoteEnv and the variables that programs expect of a login. Most of it
 * happens in a few lines of `sh` in front of the command, because only the container knows its own environment and
 * folders; an image without a shell gets what can be had without.
 */
export function prepareExec(
  context: ExecContext,
  options: LinkExecOptions,
  /** Of this machine, for `${localEnv:…}`. */
  local: Readonly<Record<string, string | undefined>> = {},
  /** Whether it is told where to ask for credentials, as what the agent starts is by the agent itself. */
  lends = false,
  /** What the user's shell adds to the container's environment; remoteEnv is on top of it. */
  probed: Readonly<Record<string, string>> = {},
  /** The same, to be kept in the workspace, or what was kept there in its place. */
  kept: {
    readonly keeping?: Keeping | undefined
    readonly reading?: KeptPlace & { readonly mark: Mark }
  } = {},
): ExecOptions {
  const { definition, user } = context
  const asUser = isUser(context, options.user)
  const given = options.env ?? {}
  const environment: Record<string, string> = {}
  if (asUser) {
    environment.HOME = user.home
    environment.USER = user.name
    environment.LOGNAME = user.name
    if (user.shell) environment.SHELL = user.shell
  }
  if (options.tty) {
    environment.TERM = 'xterm-256color'
    environment.COLORTERM = 'truecolor'
  }
  const lines: string[] = []
  const later: string[] = []
  for (const [name, value] of asUser ? Object.entries(probed) : []) {
    if (name in given || name in definition.remoteEnv) continue
    if (user.shell && isReferredTo(name, definition.remoteEnv)) {
      // remoteEnv means the container's own.
      const carrier = `BERTH_PROBED_${later.length}`
      environment[carrier] = value
      later.push(`export ${name}="$${carrier}"`, `unset ${carrier}`)
    } else environment[name] ??= value
  }
  for (const [name, value] of Object.entries(definition.remoteEnv)) {
    if (name in given) continue
    if (value === null) {
      delete environment[name]
      if (IDENTIFIER.test(name)) later.push(`unset ${name}`)
    } else if (user.shell && IDENTIFIER.test(name) && needsContainerEnvironment(value)) {
      // All are read before any is set, so that they see the container's environment and not each other.
      const kept = `berth_${lines.length}`
      const word = shellWord(value, (text) => {
        const literal = substituteEnvironment(text, { local })
        if (literal === text) return shellQuoted(text)
        // What is only this machine's to know is not for a command line, which others see.
        const carrier = `BERTH_VALUE_${lines.length}_${later.length}`
        environment[carrier] = literal
        later.push(`unset ${carrier}`)
        return `"$${carrier}"`
      })
      lines.push(`${kept}=${word}`)
      later.push(`export ${name}="$${kept}"`)
    } else {
      environment[name] = substituteEnvironment(value, { local, container: definition.containerEnv })
    }
  }
  const { keeping, reading } = kept
  const env = { ...environment, ...keeping?.env, ...given }
  const base = {
    ...(options.tty ? { tty: options.tty } : {}),
    user: options.user ?? processUser(user),
  }
  if (!user.shell) {
    if (!('command' in options)) return { ...base, command: ['sh', '-l'], env }
    return {
      ...base,
      command: options.command,
      env: { LANG: definition.containerEnv.LANG ?? 'C.UTF-8', ...env },
      ...(options.cwd ? { cwd: options.cwd } : {}),
    }
  }
  if (keeping) lines.push(...keeping.lines)
  if (reading) lines.push(...readingLines(reading, reading.mark, Object.keys(env).filter(isOwnName)))
  lines.push(...later)
  if (asUser && context.id !== undefined) lines.push(...variablesLines(context.id, user, Object.keys(given)))
  if (lends && asUser) {
    const isOwn = 'SSH_AUTH_SOCK' in given || 'SSH_AUTH_SOCK' in definition.remoteEnv
    lines.push(...lendingLines(user.uid, !isOwn))
  }
  if (!('LANG' in env)) lines.push('[ -n "$LANG" ] || LANG=C.UTF-8', 'export LANG')
  const folder = path.posix.resolve(definition.workspaceFolder, options.cwd ?? '.')
  lines.push(
    options.cwd ? 'cd "$1" || exit 126' : 'cd "$1" 2>/dev/null || cd "$HOME" 2>/dev/null || cd /',
    'shift',
  )
  lines.push('shell' in options ? loginShell : 'exec "$@"')
  const command = 'shell' in options ? [user.shell] : options.command
  return { ...base, command: ['sh', '-c', lines.join('\n'), OURS, folder, ...command], env }
}

/** What a shell's environment does not change. */
const isOwnName = (name: string) => IDENTIFIER.test(name) && !name.startsWith('BERTH_')

function isReferredTo(name: string, values: Readonly<Record<string, string | null>>): boolean {
  return Object.values(values).some((value) => value?.includes(`{containerEnv:${name}`))
}

/**
 * Lines of `sh` that name git's credential helper, after all that git is told in its environment, and the SSH agent of
 * whoever is connected (PROTOCOL.md, "Place"). The agent may not be there yet: then they name where it is going to be, but
 * for what git signs with by gpg, which has to be there. A folder of another user's is never used.
 */
function lendingLines(uid: number, withKeys: boolean): string[] {
  const keys = '[ -n "$SSH_AUTH_SOCK" ] || export SSH_AUTH_SOCK="$berth_d/ssh-agent.sock"'
  return [
    `for berth_b in "$BERTH_AGENT_FOLDER" "$XDG_RUNTIME_DIR" /tmp /dev/shm /var/tmp "$HOME"; do
  berth_d=$berth_b/berth-agent-${uid}
  [ -n "$berth_b" ] && [ -O "$berth_d" ] && break
  berth_d=
done
[ -n "$berth_d" ] || berth_d=\${BERTH_AGENT_FOLDER:-\${XDG_RUNTIME_DIR:-/tmp}}/berth-agent-${uid}`,
    ...(withKeys ? [keys] : []),
    `berth_h="!f() { [ -O '$berth_d' ] && [ -x '$berth_d/git-credential' ] && exec '$berth_d/git-credential' \\"\\$@\\"; }; f"
berth_n=\${GIT_CONFIG_COUNT:-0}
case $berth_d in *\\'*) berth_n= ;; esac
case $berth_n in
  0|[1-9]|[1-9][0-9]|[1-9][0-9][0-9])
    export "GIT_CONFIG_KEY_$berth_n=credential.helper" "GIT_CONFIG_VALUE_$berth_n=$berth_h"
    berth_n=$((berth_n + 1))
    [ -O "$berth_d" ] && [ -x "$berth_d/git-gpg" ] &&
      export "GIT_CONFIG_KEY_$berth_n=gpg.program" "GIT_CONFIG_VALUE_$berth_n=$berth_d/git-gpg" &&
      berth_n=$((berth_n + 1))
    export GIT_CONFIG_COUNT=$berth_n ;;
esac`,
  ]
}

/** What was asked for, of a command that {@link prepareExec} made; undefined for the login shell. */
export function commandOf(
  prepared: readonly string[],
  { user }: Pick<ExecContext, 'user'>,
): string[] | undefined {
  const isWrapped = prepared[0] === 'sh' && prepared[1] === '-c' && prepared[3] === OURS
  const command = isWrapped ? prepared.slice(5) : [...prepared]
  const isShell = isWrapped ? command.length === 1 && command[0] === user.shell : command[1] === '-l'
  return isShell ? undefined : command
}

/** For inside double quotes and the braces of a parameter expansion. */
function doubleQuoted(text: string): string {
  return text.replace(/[\\"$`}]/g, '\\$&')
}

/**
 * One word of `sh` for a value in which the container's own variables are still to be filled in; `part` gives that of
 * what lies between them.
 */
function shellWord(value: string, part: (text: string) => string): string {
  const literal = (text: string) => (text === '' ? '' : part(text))
  let word = ''
  let at = 0
  for (const match of value.matchAll(CONTAINER_VARIABLE)) {
    word += literal(value.slice(at, match.index))
    at = match.index + match[0].length
    const name = match[1] ?? ''
    const fallback = match[2] ?? ''
    if (!IDENTIFIER.test(name)) word += literal(fallback)
    else if (fallback === '') word += `"$${name}"`
    else word += `"\${${name}-${doubleQuoted(fallback)}}"`
  }
  return word + literal(value.slice(at))
}
