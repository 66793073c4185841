import { text } from 'node:stream/consumers'
import type { Customizations } from '#contract'
import type { Link } from '../../link/link'
import { type EditorSettings, mergeSettings } from './machine-settings'

/** Where an editor's server keeps what is of the machine, below the user's home. */
interface ServerPlace {
  /** Of its `settings.json`. */
  readonly settings: string
  /** Of the server itself; absent where it is installed otherwise. */
  readonly server?: string
}

const ofServer = (server: string): ServerPlace => ({ server, settings: `${server}/data/Machine` })

/** Servers of editors that come by SSH, by the program that brings them. */
export const sshServers = {
  vscode: ofServer('.vscode-server'),
  cursor: ofServer('.cursor-server'),
  windsurf: ofServer('.windsurf-server'),
} as const satisfies Readonly<Record<string, ServerPlace>>

/** Those for the browser: openvscode-server, code-server. */
export const browserServers: readonly ServerPlace[] = [
  { settings: '.openvscode-server/data/Machine' },
  { settings: '.local/share/code-server/Machine' },
]

/** How long a file of settings may be, in bytes. */
const LONGEST = 1024 * 1024

const extensionId = /^[A-Za-z0-9][\w-]*\.[\w-][\w.-]*$/

/** Extensions that are wanted: those that somebody names, without those that somebody does not want. */
export function wantedExtensions(customizations: Customizations | undefined): string[] {
  const all = customizations?.vscode?.extensions ?? []
  const unwanted = new Set(all.filter((id) => id.startsWith('-')).map((id) => id.slice(1).toLowerCase()))
  // They are words of a command line: a definition that was stored by somebody else is not taken at its word.
  return all.filter((id) => extensionId.test(id) && !unwanted.has(id.toLowerCase()))
}

/** What the definition wants in an editor's settings, written where the server reads them. */
export async function writeSettings(
  link: Link,
  customizations: Customizations | undefined,
  places: readonly ServerPlace[],
  signal: AbortSignal,
): Promise<void> {
  const wanted: EditorSettings = customizations?.vscode?.settings ?? {}
  for (const { settings } of places) {
    const [own = '', before = ''] = (await run(link, readScript, [settings], '', signal)).split('\0')
    const known = parseRecord(before)
    if (Object.keys(wanted).length === 0 && Object.keys(known).length === 0) continue
    const merged = mergeSettings(own, wanted, known)
    const noted = JSON.stringify(wanted)
    if (merged !== undefined) await run(link, writeScript, [settings, 'settings.json'], merged, signal)
    if (noted !== before) await run(link, writeScript, [settings, 'berth.json'], noted, signal)
  }
}

/**
 * Has extensions installed by the editor's own server, in the background: the editor puts it there when it comes for the
 * first time, which may take minutes. (The editor's command line on this machine would install them here.)
 */
export async function installExtensions(
  link: Link,
  extensions: readonly string[],
  { server }: ServerPlace,
  signal: AbortSignal,
): Promise<void> {
  if (extensions.length === 0 || server === undefined) return
  await run(link, installScript, [server, ...extensions], '', signal)
}

const readScript = `cd "$HOME" || exit 1
head -c ${LONGEST} "$1/settings.json" 2>/dev/null
printf '\\0'
head -c ${LONGEST} "$1/berth.json" 2>/dev/null
true`

const writeScript = `cd "$HOME" && mkdir -p "$1" && cat > "$1/$2.new" && mv "$1/$2.new" "$1/$2"`

/** Tries for ten minutes; one at a time for each server. */
const installScript = `[ -d "$HOME" ] && mkdir -p "$HOME/.berth" || exit 1
lock=$HOME/.berth/extensions$1.pid
read -r pid 2>/dev/null < "$lock" && grep -q berth-extensions "/proc/$pid/cmdline" 2>/dev/null && kill "$pid"
nohup sh -c '
lock=$1
shift
echo $$ > "$lock"
folder=$1
shift
tries=200
while [ $# -gt 0 ] && [ $tries -gt 0 ]; do
  tries=$((tries - 1))
  program=
  for each in "$HOME/$folder"/cli/servers/*/server/bin/*-server "$HOME/$folder"/bin/*/bin/*-server; do
    [ -x "$each" ] && program=$each
  done
  if [ -n "$program" ]; then
    count=$#
    while [ $count -gt 0 ]; do
      count=$((count - 1))
      id=$1
      shift
      "$program" --install-extension "$id" || set -- "$@" "$id"
    done
  fi
  [ $# -eq 0 ] || sleep 3
done
rm -f "$lock"' berth-extensions "$lock" "$@" > "$HOME/.berth/extensions.log" 2>&1 < /dev/null &`

/** Runs a few lines of `sh`; rejects where they fail. */
async function run(
  link: Link,
  script: string,
  args: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<string> {
  const process = await link.exec(
    { command: ['sh', '-c', script, 'berth-extensions', ...args], cwd: '/' },
    signal,
  )
  process.stdin.on('error', () => undefined)
  process.stdin.end(input)
  process.stderr?.resume()
  const [said, { code }] = await Promise.all([text(process.stdout), process.exit])
  if (code !== 0) throw new Error(`It ended with ${code}`)
  return said
}

function parseRecord(written: string): EditorSettings {
  try {
    const value: unknown = JSON.parse(written)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as EditorSettings)
      : {}
  } catch {
    return {}
  }
}
