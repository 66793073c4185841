import { randomBytes } from 'node:crypto'
import { join, posix } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { Dotfiles, type LifecyclePhase, ProblemError, problem, toProblem, type Workspace } from '#contract'
import type { Link } from '../../link/link'
import { cloneRepository, type GitSource } from '../git'
import type { Action } from '../guard'
import { withMask } from '../mask'
import type { ActionReport } from '../operations'
import { checkSource, parseTyped } from '../source/parse'
import { measureFolder, tarFolder } from '../source/tar-folder'
import { withTemporaryFolder } from '../temporary'
import { type ActionContext, steps } from './context'

/** They are installed once this phase has ended, as the dev container CLI does it. */
export const dotfilesAfter: LifecyclePhase = 'postCreateCommand'

/** Files of which the first that is there is run where no command is given (Codespaces, and the dev container CLI). */
const installFiles = [
  'install.sh',
  'install',
  'bootstrap.sh',
  'bootstrap',
  'script/bootstrap',
  'setup.sh',
  'setup',
  'script/setup',
]

/** How long taking away half a copy may take, milliseconds. */
const CLEANING = 10_000

/** In the home, which outlives a rebuild: what was chosen for the workspace. */
const MARKER = '.local/state/berth/dotfiles.json'

/** Prints the choice that was made before, and whether the folder is taken. */
const looking = `[ ! -f "$HOME/${MARKER}" ] || cat "$HOME/${MARKER}"`
/** Makes the folder above, without what a copy has left there that was broken off. */
const preparing = 'rm -rf "$2".berth-????????; mkdir -p "$1"'
/** Gives what was copied its name, whole or not at all. */
const placing = '[ ! -e "$2" ] && mv "$1" "$2" 2>&1'
const remembering = `mkdir -p "$HOME/\${1%/*}" && cat >"$HOME/$1"`
/** Runs what is in the folder, or links its dot files into the home. */
const installing = `cd "$1" || exit 1
given=$2
shift 2
if [ -n "$given" ]; then
  if [ -f "$given" ]; then
    [ -x "$given" ] || chmod +x "$given"
    case $given in /*) exec "$given" ;; *) exec "./$given" ;; esac
  fi
  exec sh -c "$given"
fi
for file in "$@"; do
  [ -f "$file" ] || continue
  echo "Running $file"
  [ -x "$file" ] || chmod +x "$file"
  exec "./$file"
done
for file in .*; do
  case $file in .|..|.git|'.*') continue ;; esac
  if [ -d "$HOME/$file" ] && [ ! -L "$HOME/$file" ]; then
    echo "$file is left as it is: the home has a folder of this name"
    continue
  fi
  ln -sfn "$PWD/$file" "$HOME/$file" && echo "$file is linked" || failed=1
done
[ -z "$failed" ]`

/** The user's dotfiles, where they are wanted in this action; see {@link planDotfiles}. */
export interface PlannedDotfiles {
  /** Installs them, once; `secrets` are not shown. What goes wrong is told and keeps nobody from working. */
  install(secrets: readonly string[]): Promise<void>
}

/** Plans them where a home is new or a container is: they are made for that. Rejects only on abort. */
export async function planDotfiles(
  context: ActionContext,
  action: Action,
  phases: readonly LifecyclePhase[],
): Promise<PlannedDotfiles | undefined> {
  if (!phases.includes(dotfilesAfter)) return undefined
  const { record, workspaceId } = action.operation
  const workspace = context.workspace(workspaceId)
  const asked = record.asked?.dotfiles
  const usual = context.platform.settings.get().dotfiles
  // Nobody is given somebody else's, and nobody is asked who wants none.
  if (workspace.owner !== context.owner || (asked === undefined && usual === null && record.asked))
    return undefined
  const link = context.links().get(workspaceId)
  const dotfiles =
    asked !== undefined ? asked : ((await chosenBefore(link, workspace, action.signal)) ?? { usual }).usual
  if (asked === null) await remember(link, workspace, null, action.signal).catch(ignored(action.signal))
  if (!dotfiles) return undefined
  action.operation.plan([steps.dotfiles])
  let isDone = false
  return {
    async install(secrets) {
      if (isDone) return
      isDone = true
      await action.operation.step('dotfiles', (report, signal) =>
        withMask(secrets, report, (masked) =>
          installNow(context, { dotfiles, link, workspace }, masked, signal),
        ),
      )
    },
  }
}

interface Installation {
  readonly dotfiles: Dotfiles
  readonly link: Link
  readonly workspace: Workspace
}

async function installNow(
  context: ActionContext,
  installation: Installation,
  report: ActionReport,
  signal: AbortSignal,
): Promise<void> {
  const { dotfiles, link, workspace } = installation
  try {
    if (!workspace.user.shell) throw noShell(workspace)
    // First: a rebuild tries again what goes wrong now.
    await remember(link, workspace, dotfiles, signal)
    const folder = folderOf(dotfiles, workspace)
    const { code } = await run(link, ['sh', '-c', '[ -e "$1" ]', 'berth', folder], '', undefined, signal)
    if (code === 0) report.output(`${folder} is there already\n`)
    else await clone(context, installation, folder, report, signal)
    report.detail('Installing')
    const command = ['sh', '-c', installing, 'berth', folder, dotfiles.installCommand ?? '', ...installFiles]
    const ended = await run(link, command, '', report, signal)
    if (ended.code !== 0) {
      throw problem({
        code: 'lifecycle-failed',
        title: 'The dotfiles could not be installed',
        cause: `${dotfiles.installCommand ?? 'What installs them'} ended with exit code ${ended.code ?? 'unknown'}.`,
        remedy: 'Look at what it printed. The workspace can be used without them.',
        ...(ended.output.trim() ? { detail: ended.output.slice(-4_096) } : {}),
      })
    }
    report.result(dotfiles.repository)
  } catch (error) {
    if (signal.aborted || !(error instanceof ProblemError)) throw error
    const found = toProblem(error)
    report.output(`${found.title}: ${found.cause}\n`)
    report.result(`${found.title}: ${found.cause}`)
    context.mishap(workspace.id, found)
  }
}

/** By the git of this machine, with the credentials that it has; nothing of them goes along. */
async function clone(
  context: ActionContext,
  { dotfiles, link, workspace }: Installation,
  folder: string,
  report: ActionReport,
  signal: AbortSignal,
): Promise<void> {
  const source = sourceOf(dotfiles.repository, context)
  const { driver } = await context.target(workspace.targetId, signal)
  await withTemporaryFolder(context.platform, async (temporary) => {
    const cloned = join(temporary, 'dotfiles')
    const { warning } = await cloneRepository(context.platform, source, cloned, report, signal)
    if (warning) report.output(`${warning}\n`)
    const beside = `${folder}.berth-${randomBytes(4).toString('hex')}`
    // What lies above is the user's as well.
    await run(link, ['sh', '-c', preparing, 'berth', posix.dirname(folder), folder], '', report, signal)
    const size = await measureFolder(cloned, signal)
    const tar = tarFolder(cloned, beside.slice(1), workspace.user, report, size, signal)
    try {
      await driver.write(workspace.id, '/', tar, signal)
      const { code, output } = await run(
        link,
        ['sh', '-c', placing, 'berth', beside, folder],
        '',
        undefined,
        signal,
      )
      if (code !== 0) throw notPlaced(folder, output)
    } catch (error) {
      // Half of them would be taken for all of them the next time.
      await run(link, ['rm', '-rf', beside], '', undefined, AbortSignal.timeout(CLEANING)).catch(
        () => undefined,
      )
      throw error
    } finally {
      tar.destroy()
    }
  })
}

function notPlaced(folder: string, output: string) {
  return problem({
    code: 'file-failed',
    title: 'The dotfiles could not be put in place',
    cause: `They were copied, but ${folder} cannot be made, or was made by somebody else meanwhile.`,
    remedy: 'Look at that folder, and rebuild.',
    ...(output.trim() ? { detail: output.slice(-4_096) } : {}),
  })
}

/** What is typed is a URL, a folder of this machine, or `owner/name` of GitHub. */
function sourceOf(typed: string, { platform }: ActionContext): GitSource {
  const options = { home: platform.folders.home, cwd: platform.folders.home }
  const isShort = !typed.includes(':') && !/^[.~]{0,2}[\\/]/.test(typed)
  const { source } = parseTyped(isShort ? `https://github.com/${typed}.git` : typed, options)
  const git =
    source.kind === 'folder' ? { kind: 'git' as const, url: pathToFileURL(source.path).href } : source
  const checked = checkSource(git, options)
  if (checked.kind === 'git') return checked
  throw problem({
    code: 'invalid-input',
    title: 'The dotfiles are no git repository',
    cause: `“${typed.slice(0, 200)}” is read as an image.`,
    remedy: 'Give the URL of a repository.',
  })
}

function folderOf({ targetPath = '~/dotfiles' }: Dotfiles, { user }: Workspace): string {
  return posix.normalize(
    targetPath.startsWith('~/') ? posix.join(user.home, targetPath.slice(2)) : targetPath,
  )
}

/** What an earlier action was told for this home; undefined where there is no word of it. */
async function chosenBefore(
  link: Link,
  workspace: Workspace,
  signal: AbortSignal,
): Promise<{ readonly usual: Dotfiles | null } | undefined> {
  if (!workspace.user.shell) return undefined
  try {
    const { output } = await run(link, ['sh', '-c', looking], '', undefined, signal)
    const read = Dotfiles.nullable().safeParse(JSON.parse(output))
    return read.success ? { usual: read.data } : undefined
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof SyntaxError || error instanceof ProblemError) return undefined
    throw error
  }
}

async function remember(
  link: Link,
  { user }: Workspace,
  dotfiles: Dotfiles | null,
  signal: AbortSignal,
): Promise<void> {
  if (!user.shell) return
  await run(link, ['sh', '-c', remembering, 'berth', MARKER], JSON.stringify(dotfiles), undefined, signal)
}

const ignored = (signal: AbortSignal) => (error: unknown) => {
  signal.throwIfAborted()
  if (!(error instanceof ProblemError)) throw error
}

async function run(
  link: Link,
  command: readonly string[],
  input: string,
  report: ActionReport | undefined,
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const running = await link.exec({ command, cwd: '/' }, signal)
  const giveUp = () => running.destroy()
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    running.stdin.end(input)
    const decoder = new TextDecoder()
    let output = ''
    const follow = async () => {
      for await (const chunk of running.stdout) {
        const piece = decoder.decode(chunk as Uint8Array, { stream: true })
        output = (output + piece).slice(-65_536)
        report?.output(piece)
      }
    }
    const errors = running.stderr ? text(running.stderr) : Promise.resolve('')
    const [, told, exit] = await Promise.all([follow(), errors, running.exit])
    signal.throwIfAborted()
    if (told) report?.output(told)
    return { code: exit.code, output: report ? output + told : output }
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

function noShell({ name }: Workspace) {
  return problem({
    code: 'no-shell',
    title: 'The dotfiles could not be installed',
    cause: `The image of ${name} has no shell.`,
    remedy: 'Use an image with a shell.',
  })
}
