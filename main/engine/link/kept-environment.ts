import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Workspace } from '#contract'
import type { ExecProcess } from '../drivers/driver'
import { shellQuoted } from '../platform/shell-quoted'

/**
 * What the user's shell adds to the environment, kept in the workspace for other Berth processes. Like the user's
 * variables it lies in memory (tmpfs), goes with the container and is the user's alone, as what a profile exports may be
 * secret. It holds for one run of the workspace, as long as no file that shells read has changed, and not for long:
 * what these files read in turn nobody knows.
 */

/** How long it holds, in seconds. */
const AGE = 300
/** Longest text that is kept, in bytes: Linux takes no variable of more than 128 KiB. */
const LONGEST = 96 * 1024
/** Of a mark, in bytes. */
const MARK = 33
/** In the environment of what writes the file: its text. */
const CARRIER = 'BERTH_KEPT'

/** Files that shells read when they start, and folders of such, as words of `sh`. */
const profiles = [
  ...[
    'environment',
    'profile',
    'profile.d',
    'profile.d/*',
    'bash.bashrc',
    'bashrc',
    'zshenv',
    'zprofile',
  ].map((name) => `/etc/${name}`),
  ...['zshrc', 'zlogin', 'zsh/*', 'fish/config.fish', 'fish/conf.d/*'].map((name) => `/etc/${name}`),
  ...[
    'profile',
    'bash_profile',
    'bash_login',
    'bashrc',
    'bash_aliases',
    'zshenv',
    'zprofile',
    'zshrc',
    'zlogin',
  ].map((name) => `"$HOME"/.${name}`),
  ...['fish/config.fish', 'fish/conf.d', 'fish/conf.d/*', 'fish/fish_variables'].map(
    (name) => `"$HOME"/.config/${name}`,
  ),
  ...['pam_environment', 'mkshrc', 'kshrc'].map((name) => `"$HOME"/.${name}`),
].join(' ')

export interface KeptPlace {
  /** Path in the workspace. */
  readonly file: string
  /** Of the run and the shell that it holds for. */
  readonly key: string
}

/** Where it is kept for a workspace, and whom it holds for. */
export function keptPlace({
  id,
  definition: { userEnvProbe },
  incarnation,
  user,
}: Pick<Workspace, 'id' | 'definition' | 'incarnation' | 'user'>): KeptPlace {
  const of = JSON.stringify([1, incarnation, userEnvProbe, user])
  return {
    file: `/dev/shm/berth-environment-${id}-${user.uid}`,
    key: createHash('sha256').update(of).digest('hex').slice(0, 32),
  }
}

/** For {@link readingLines}: a mark that no program prints. */
export type Mark = string

/**
 * Lines of `sh` that set what is kept, but for these names, and print a mark; where nothing is kept that holds they print
 * another one and end.
 */
export function readingLines({ file, key }: KeptPlace, mark: Mark, given: readonly string[]): string[] {
  return [
    `berth_hit=
if [ -O ${file} ] && [ ! -L ${file} ]; then
${lookingLines(`[ ${file} -nt "$berth_p" ] || { berth_names=; break; }`)}
berth_key=${key}
berth_now=$(date +%s 2>/dev/null)
berth_now=\${berth_now:-0}`,
    ...given.map((name, index) => `berth_e${index}=$${name}`),
    `. ${file}`,
    ...given.map((name, index) => `export ${name}="$berth_e${index}"`),
    `fi
if [ -z "$berth_hit" ]; then printf %s M${mark}; exit 0; fi
printf %s H${mark}`,
  ]
}

/** Puts the names of the files that there are into a variable, after this was done with each. */
function lookingLines(each: string): string {
  return `berth_names=:
for berth_p in ${profiles}; do
  [ -e "$berth_p" ] || continue
  ${each}
  berth_names=$berth_names$berth_p:
done`
}

/** A line of `sh` that notes when a shell was asked; `mark` tells this time from others. */
export function askingLine({ file }: KeptPlace, mark: Mark): string {
  return `(umask 077; : > ${file}.${mark}) 2>/dev/null`
}

/** What keeps variables in the workspace: lines of `sh`, and what has to be in their environment. */
export interface Keeping {
  readonly lines: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/**
 * Keeps what a shell said that was asked at the time of a mark: the file has that time, so that what changes while the
 * shell is asked is newer. Undefined where it is too much. Fails silently: then nothing is kept.
 */
export function keeping(
  { file, key }: KeptPlace,
  mark: Mark,
  variables: Readonly<Record<string, string>>,
): Keeping | undefined {
  const text = Object.entries(variables)
    .map(([name, value]) => `export ${name}=${shellQuoted(value)}\n`)
    .join('')
  if (Buffer.byteLength(text) > LONGEST) return undefined
  const lines = `(umask 077
berth_m=
while read -r berth_a berth_b berth_c berth_d; do [ "$berth_b $berth_c" = '/dev/shm tmpfs' ] && berth_m=1; done </proc/mounts
${lookingLines(':')}
case $berth_names in *\\'*) berth_m= ;; esac
if [ -n "$berth_m" ] && [ -O ${file}.${mark} ]; then
  berth_now=$(date +%s)
  {
    printf '%s\\n' "if [ \\"\\$berth_key\\" = ${key} ] && [ \\"\\$berth_names\\" = '$berth_names' ] &&" \\
      "[ \\$((berth_now - $berth_now)) -ge 0 ] && [ \\$((berth_now - $berth_now)) -lt ${AGE} ]; then"
    printf '%s\\n' "$${CARRIER}" berth_hit=1 fi
  } >${file}.$$ && touch -r ${file}.${mark} ${file}.$$ && mv -f ${file}.$$ ${file}
fi
rm -f ${file}.*) >/dev/null 2>&1
unset ${CARRIER}`
  return { lines: [lines], env: { [CARRIER]: text } }
}

/**
 * Waits for the mark that {@link readingLines} print first: whether the command runs, with what was kept. What it prints
 * is left in the stream.
 */
export async function wasKept({ stdout }: ExecProcess, mark: Mark, signal: AbortSignal): Promise<boolean> {
  const first = await firstBytes(stdout, MARK, signal)
  return first?.toString('latin1') === `H${mark}`
}

function firstBytes(stream: Readable, count: number, signal: AbortSignal): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const found = stream.read(count) as Buffer | null
      if (found !== null || stream.readableEnded || stream.destroyed) end(() => resolve(found ?? undefined))
    }
    const gone = () => end(() => resolve(undefined))
    const abort = () => end(() => reject(signal.reason))
    const end = (settle: () => void) => {
      stream.off('readable', look).off('end', gone).off('close', gone).off('error', gone)
      signal.removeEventListener('abort', abort)
      settle()
    }
    stream.on('readable', look).on('end', gone).on('close', gone).on('error', gone)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    else look()
  })
}
