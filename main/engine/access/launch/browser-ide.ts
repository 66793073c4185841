import { randomInt } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { ProblemError, problem, type Workspace } from '#contract'
import type { Link } from '../../link/link'
import type { Clock } from '../../platform/clock'
import { wantedExtensions } from './customize'

/** Milliseconds for it to listen: the first start of a fresh workspace takes some. */
const START_LIMIT = 60_000
const LOOK_EVERY = 250
/** Ports in which one is tried. */
const PORTS = { from: 20_000, to: 30_000 }
const NOT_FOUND = 44

/**
 * Finds an editor for the browser, and starts it in the background unless it runs already. Prints its port. It listens
 * on loopback alone, and whoever reaches that is in: as with any port of a workspace.
 */
const script = `state=$HOME/.berth/browser-ide
folder=$1
port=$2
extensions=$3
if read -r pid running < "$state" 2>/dev/null && kill -0 "$pid" 2>/dev/null \\
  && tr '\\0' ' ' < "/proc/$pid/cmdline" | grep -q -e code-server -e openvscode-server; then
  echo "$running"
  exit 0
fi
program=
for each in openvscode-server code-server /opt/openvscode-server/bin/openvscode-server \\
  /openvscode-server/bin/openvscode-server "$HOME/.openvscode-server/bin/openvscode-server" \\
  /usr/lib/code-server/bin/code-server /opt/code-server/bin/code-server "$HOME/.local/bin/code-server" \\
  "$folder/node_modules/.bin/code-server"; do
  program=$(command -v "$each") && break
done
[ -n "$program" ] || exit ${NOT_FOUND}
case \${program##*/} in
  code-server) set -- --bind-addr "127.0.0.1:$port" --auth none --disable-telemetry --disable-update-check "$folder" ;;
  *) set -- --host 127.0.0.1 --port "$port" --without-connection-token --accept-server-license-terms \\
    --telemetry-level off --default-folder "$folder" ;;
esac
mkdir -p "$HOME/.berth"
nohup "$program" "$@" > "$HOME/.berth/browser-ide.log" 2>&1 < /dev/null &
echo "$! $port" > "$state"
if [ -n "$extensions" ]; then
  # The editor shows them when its window is loaded again: nobody waits for downloads.
  (for id in $extensions; do "$program" --install-extension "$id"; done) \
    > "$HOME/.berth/extensions.log" 2>&1 < /dev/null &
fi
echo "$port"`

/**
 * Makes an editor for the browser listen in a workspace, and resolves with its port. Rejects with a `ProblemError`:
 * `not-found` where the workspace has none.
 */
export async function startBrowserIde(
  link: Link,
  workspace: Workspace,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  const folder = workspace.definition.workspaceFolder
  const offered = randomInt(PORTS.from, PORTS.to)
  const process = await link.exec(
    {
      command: [
        'sh',
        '-c',
        script,
        'berth',
        folder,
        String(offered),
        wantedExtensions(workspace.definition.customizations).join(' '),
      ],
      cwd: '/',
    },
    signal,
  )
  process.stdin.end()
  process.stderr?.resume()
  const [said, { code }] = await Promise.all([text(process.stdout), process.exit])
  const port = Number(said.trim())
  if (code === NOT_FOUND) throw none(workspace)
  if (code !== 0 || !Number.isInteger(port) || port <= 0) throw failed(workspace, `It ended with ${code}.`)
  const until = clock.now() + START_LIMIT
  for (;;) {
    try {
      const probe = await link.dial(port, signal)
      probe.destroy()
      return port
    } catch (error) {
      const isRefused = error instanceof ProblemError && error.problem.code === 'port-refused'
      if (!isRefused) throw error
      if (clock.now() > until)
        throw failed(workspace, `Nothing listened on its port ${port} within ${START_LIMIT / 1000} seconds.`)
      await clock.sleep(LOOK_EVERY, signal)
    }
  }
}

function none({ name }: Workspace) {
  return problem({
    code: 'not-found',
    title: `${name} has no editor for the browser`,
    cause: 'Neither code-server nor openvscode-server was found in it.',
    remedy:
      'Install one of them in the workspace, or in its definition: then it is there again after a rebuild.',
  })
}

function failed({ name }: Workspace, cause: string) {
  return problem({
    code: 'exec-failed',
    title: `The editor in ${name} did not start`,
    cause,
    remedy: 'Look at ~/.berth/browser-ide.log in the workspace.',
  })
}
