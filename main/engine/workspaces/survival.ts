import type { Survival, TargetCapabilities, Workspace } from '#contract'
import type { Link } from '../link/link'
import { keepsOwnHome, liesWithSource } from './home'
import { isInside } from './source/definition'
import { sourceFolder, sourceFolderName } from './source/name'

type Action = 'stop' | 'force-stop' | 'restart' | 'rebuild' | 'delete'
type Item = Survival['kept'][number]

/** What of a target it depends on whether something survives. */
export interface Circumstances {
  /** The source is a folder of this machine. */
  readonly bound: boolean
  /** Of its target; undefined while they are not known, which promises nothing. */
  readonly capabilities: TargetCapabilities | undefined
}

/** What each action keeps and loses, and risks, apart from git work. */
export function survivalOf(
  workspace: Workspace,
  action: Action,
  { bound, capabilities }: Circumstances,
): Pick<Survival, 'kept' | 'lost' | 'risk'> {
  const { definition } = workspace
  const root = sourceFolder(definition, sourceFolderName(workspace.source))
  const source: Item = {
    what: bound ? 'The source, which is a folder of this machine' : 'The source',
    path: root,
  }
  const beside: Item[] = definition.repositories
    .filter(({ folder }) => !isInside(folder, root) && liesWithSource(folder, root))
    .map(({ folder }) => ({ what: 'A repository beside it', path: folder }))
  const home: Item[] = keepsOwnHome(workspace.user.home)
    ? [{ what: 'The home folder', path: workspace.user.home }]
    : []
  const named: Item[] = definition.mounts
    .filter(
      ({ type, source: from, ofWorkspace }) =>
        type === 'bind' || (type === 'volume' && from !== undefined && !ofWorkspace),
    )
    .map(({ source: from, target }) => ({ what: `What is mounted from ${from}`, path: target }))
  const data: Item[] = [
    ...definition.mounts
      .filter(({ type, source: from, ofWorkspace }) => type === 'volume' && from !== undefined && ofWorkspace)
      .map(({ source: from, target }) => ({ what: `The volume ${from}`, path: target })),
    ...definition.services
      .filter(({ mounts }) =>
        mounts.some(({ type, source: from }) => type === 'volume' && from !== undefined),
      )
      .map(({ name }) => ({ what: `The data of the service ${name}` })),
  ]
  const passing: Item[] = [
    { what: 'Programs and terminals that run in it' },
    ...(definition.services.length > 0 ? [{ what: 'What its services keep outside of their volumes' }] : []),
  ]
  const temporary: Item[] = definition.mounts
    .filter(({ type }) => type === 'tmpfs')
    .map(({ source: name, target }) => ({
      what:
        name === undefined ? 'What is kept in memory' : `The volume ${name}, which is not to outlive a stop`,
      path: target,
    }))
  const installed: Item = {
    what: 'Everything else in its container: what was installed, files outside of these folders',
  }
  const keepsInstalled = capabilities?.keepsContainerFiles === true
  switch (action) {
    case 'stop':
    case 'restart':
    case 'force-stop':
      return {
        kept: [source, ...beside, ...home, ...data, ...named, ...(keepsInstalled ? [installed] : [])],
        lost: [...(keepsInstalled ? [] : [installed]), ...passing, ...temporary],
        ...(action === 'force-stop' && { risk: capabilities?.endsForSure === true ? abrupt : unsure }),
      }
    case 'rebuild':
      return {
        kept: [source, ...beside, ...home, ...data, ...named],
        lost: [installed, ...passing, ...temporary],
      }
    case 'delete':
      return {
        kept: [...(bound ? [source] : []), ...named],
        lost: [...(bound ? [] : [source]), ...beside, ...home, ...data, installed, ...passing, ...temporary],
      }
  }
}

const abrupt = 'Its programs are not asked to end first: what they have not written yet is lost.'
/** Kubernetes, "Force Delete StatefulSet Pods". */
const unsure =
  'Its node is not waited for. If the node still runs, the old programs go on there, unseen, until it is heard of again, and may write to the volume meanwhile. Do it when you know that the node is off, or that nothing runs there which writes.'

/** How deep below the source repositories are looked for, and how many at most. */
const depth = 4
const most = 20

/**
 * One line for each repository: path, then changed, untracked, unpushed and stashed, between tabs. Only tools that
 * every git brings along are used. Locks are not taken: the user may be at work.
 */
const script = `command -v git >/dev/null 2>&1 || exit 3
export GIT_OPTIONAL_LOCKS=0
count() { n=0; while IFS= read -r line; do n=$((n+1)); done; echo "$n"; }
find "$@" -maxdepth ${depth} -name .git -prune 2>/dev/null | head -n ${most} | while IFS= read -r entry; do
  repository=\${entry%/.git}
  g() { git -c core.fsmonitor=false -c safe.directory='*' -C "$repository" "$@" 2>/dev/null; }
  g rev-parse --git-dir >/dev/null || continue
  changed=$(g status --porcelain --untracked-files=no --ignore-submodules=none | count)
  untracked=$(g ls-files --others --exclude-standard | count)
  if g rev-parse --verify --quiet HEAD >/dev/null; then head=HEAD; else head=; fi
  unpushed=$(g rev-list --count $head --branches --not --remotes || echo 0)
  stashed=$(g stash list | count)
  printf '%s\\t%s\\t%s\\t%s\\t%s\\n' "$repository" "$changed" "$untracked" "\${unpushed:-0}" "$stashed"
done`

/** Longest wait for an answer, milliseconds: the user is waiting for a question to be asked. */
const patience = 10_000

/** Work in the workspace's repositories that exists nowhere else; undefined when it cannot be asked. */
export async function unsavedWork(
  workspace: Workspace,
  link: Link,
  signal: AbortSignal,
): Promise<Survival['unsaved'] | undefined> {
  const { definition } = workspace
  const root = sourceFolder(definition, sourceFolderName(workspace.source))
  const beside = definition.repositories.map(({ folder }) => folder)
  const roots = [root, ...beside.filter((folder) => !isInside(folder, root))]
  const limit = AbortSignal.any([signal, AbortSignal.timeout(patience)])
  try {
    const running = await link.exec({ command: ['sh', '-c', script, 'berth', ...roots], cwd: '/' }, limit)
    const onAbort = () => running.destroy()
    limit.addEventListener('abort', onAbort, { once: true })
    try {
      running.stdin.end()
      running.stderr?.resume()
      const chunks: Buffer[] = []
      for await (const chunk of running.stdout) chunks.push(chunk as Buffer)
      const { code } = await running.exit
      return code === 0 ? parseUnsaved(Buffer.concat(chunks).toString('utf8')) : undefined
    } finally {
      limit.removeEventListener('abort', onAbort)
      running.destroy()
    }
  } catch {
    // No shell, no connection, too slow: all mean that nothing is known, which is what the answer says.
    return undefined
  }
}

/** Repositories with something to lose. */
export function parseUnsaved(text: string): Survival['unsaved'] {
  const found: Survival['unsaved'] = []
  for (const line of text.split('\n')) {
    const [repository, ...numbers] = line.split('\t')
    const [uncommitted = 0, untracked = 0, unpushed = 0, stashed = 0] = numbers.map(
      (each) => Number(each) || 0,
    )
    if (!repository || uncommitted + untracked + unpushed + stashed === 0) continue
    found.push({ repository, uncommitted, untracked, unpushed, stashed })
  }
  return found
}
