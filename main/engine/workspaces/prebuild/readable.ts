import { type ProblemError, problem } from '#contract'
import type { Driver, WorkspaceSpec } from '../../drivers/driver'
import { keepsOwnHome, sourceRoot } from '../home'

/** Bytes; one path is enough to say what is wrong. */
const ENOUGH = 8 * 1024

/**
 * Prints files and folders that whoever runs it may not read. It needs sh and find; where there is no find it prints
 * nothing, and the first workspace tells.
 */
const script = `
command -v find >/dev/null 2>&1 || exit 0
for folder do
  [ -e "$folder" ] || continue
  find "$folder" \\( -type f -o -type d \\) -exec /bin/sh -c '
    for path do [ -r "$path" ] || printf "%s\\n" "$path"; done
  ' berth {} + 2>/dev/null
done
exit 0
`

/**
 * On a cluster the user of a workspace copies source and home out of a prebuild, and no root is there to help: rejects
 * where there is something that they may not read, made with `sudo`, say.
 */
export async function requireReadable(
  driver: Pick<Driver, 'exec'>,
  { id, image, sourceFolder, definition }: WorkspaceSpec,
  signal: AbortSignal,
): Promise<void> {
  const { uid, name, home } = image.user
  if (uid === 0) return
  const source = sourceRoot(sourceFolder ?? definition.workspaceFolder)
  const folders = [source, ...(keepsOwnHome(home) ? [home] : [])]
  const command = ['/bin/sh', '-c', script, 'berth', ...folders]
  const running = await driver.exec(id, { command, user: String(uid), cwd: '/' }, signal)
  running.stdin.end()
  running.stderr?.resume()
  let told = ''
  running.stdout.on('data', (chunk: Buffer) => {
    if (told.length < ENOUGH) told += chunk.toString()
  })
  const { problem: lost } = await running.exit
  if (lost) throw problem(lost)
  const [path = ''] = told.split('\n')
  if (path !== '') throw unreadable(path.slice(0, 500), name)
}

function unreadable(path: string, user: string): ProblemError {
  return problem({
    code: 'permission-denied',
    title: 'No workspace on a cluster could begin with this prebuild',
    cause: `${user} may not read ${path}, and copies source and home out of it there.`,
    remedy: `Let the commands that make it leave it to ${user} (\`chown\`), or take it away again.`,
  })
}
