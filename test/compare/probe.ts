/** What is looked at inside a container, by one script of `sh` that needs nothing but POSIX tools. */
export interface Sighting {
  /** `uid:gid name home`. */
  readonly user: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Mount points with the kind of file system, sorted. */
  readonly mounts: readonly string[]
  /** Files of /tmp, the home and the workspace folder with the sum of what is in them. */
  readonly files: Readonly<Record<string, string>>
  /** What is in the shortest of them. */
  readonly texts: Readonly<Record<string, string>>
}

const mark = '--berth-compare--'

/** Prints what {@link parseSighting} reads. */
export const probeScript = `
printf '%s:%s %s %s\\n' "$(id -u)" "$(id -g)" "$(id -un 2>/dev/null)" "$HOME"
echo ${mark}; pwd
echo ${mark}; env -0 | tr '\\n\\0' '\\1\\n'
echo ${mark}; awk '{for (i = 7; $i != "-"; i++); print $5 " " $(i + 1)}' /proc/self/mountinfo
echo ${mark}
folder=$PWD
[ "$folder" != / ] || folder=/tmp
files() {
  find /tmp "$folder" -xdev -type f -size -64k ! -path '*/.git/*' ! -path '*/.vscode-server/*' ! -path '/tmp/berth-*' ! -path '/tmp/dev-container-features/*' ! -name '*devcontainer-lock.json' "$@"
}
files -exec md5sum {} + 2>/dev/null || true
echo ${mark}
files -size -2 -exec sh -c 'for file; do printf "%s " "$(base64 "$file" | tr -d "\\n")"; printf "%s\\n" "$file"; done' sh {} + 2>/dev/null || true
`

/** Of the container's and the tools' own making: they say nothing of the definition. */
const ownVariables =
  /^(?:HOSTNAME|SHLVL|USER|LOGNAME|SHELL|LS_COLORS|LANG|_|PWD|OLDPWD|BERTH_\w+|GIT_CONFIG_(?:COUNT|KEY_\d+|VALUE_\d+)|SSH_AUTH_SOCK|REMOTE_CONTAINERS\w*|VSCODE_\w+)$/
const ownMounts =
  /^\/(?:usr\/sbin\/docker-init|proc|sys|dev|etc\/(?:resolv\.conf|hosts|hostname)|run\/berth)(?:\/|$)/

/** Throws where the output is not the script's. */
export function parseSighting(output: string, ignoredMounts: readonly string[]): Sighting {
  const parts = output.split(`${mark}\n`)
  const [user, cwd, env, mounts, files, texts] = parts
  if (texts === undefined) throw new Error(`The probe printed something else: ${output.slice(0, 400)}`)
  const lines = (text = '') => text.split('\n').filter(Boolean)
  return {
    user: (user ?? '').trim(),
    cwd: (cwd ?? '').trim(),
    env: Object.fromEntries(
      lines(env)
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const)
        .filter(([name]) => !ownVariables.test(name)),
    ),
    mounts: lines(mounts)
      .filter((line) => line !== '/ overlay' && !ownMounts.test(line.split(' ')[0] ?? ''))
      .filter((line) => !ignoredMounts.includes(line.split(' ')[0] ?? ''))
      .sort(),
    files: Object.fromEntries(lines(files).map((line) => [line.slice(34), line.slice(0, 32)])),
    texts: Object.fromEntries(
      lines(texts).map((line) => {
        const space = line.indexOf(' ')
        return [line.slice(space + 1), Buffer.from(line.slice(0, space), 'base64').toString()]
      }),
    ),
  }
}
