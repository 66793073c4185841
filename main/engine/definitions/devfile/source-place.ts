import { posix } from 'node:path'
import { containerPath } from '../paths'
import type { Commands } from './commands'
import type { ContainerComponent } from './components'
import { type Project, projectFolder } from './projects'

/** Where the sources are in a container that says nothing else (devfile.io, "sourceMapping"). */
const defaultMapping = '/projects'

/** Folder of the projects in a container, and of the source in that. */
export interface SourceFolders {
  readonly root: string
  readonly source: string
}

/** Where the source is, in the folder of the projects: the path from there, which may be that folder itself. */
export interface SourcePlace {
  readonly below: string
}

/** What tells where the source is. */
interface Evidence {
  readonly sourceName: string
  /** Absent: the source is no repository of a server. */
  readonly sourceUrl?: string
  readonly projects: readonly Project[]
  readonly commands: Commands
}

/**
 * The source is in the folder of the project that is the source itself, as in Che; else in one of the repository's own
 * name. Where `own` maps the projects to a folder of its own choice, and commands run in just that, it is that folder,
 * as in odo.
 */
export function placeOfSource(
  own: ContainerComponent,
  { sourceName, sourceUrl, projects, commands }: Evidence,
): SourcePlace {
  const root = own.sourceMapping ?? defaultMapping
  const project = sourceUrl === undefined ? undefined : projects.find((each) => isOf(each, sourceUrl))
  if (project) return { below: posix.relative(root, projectFolder(project, root)) }
  const isRoot =
    // Where the source's volume is mounted with room for others beside the source.
    ![defaultMapping, '/workspaces'].includes(root) &&
    projects.length === 0 &&
    [...commands.values()].some(
      (command) =>
        command.kind === 'exec' && command.component === own.name && runsIn(command.workingDir, root),
    )
  return { below: isRoot ? '' : sourceName }
}

export function sourceFolders(
  container: ContainerComponent | undefined,
  { below }: SourcePlace,
): SourceFolders {
  const root = container?.sourceMapping ?? defaultMapping
  return { root, source: posix.join(root, below) }
}

function runsIn(workingDir: string | undefined, root: string): boolean {
  if (workingDir === undefined) return false
  if (/^\$(?:PROJECTS_ROOT|\{PROJECTS_ROOT\})\/?$/.test(workingDir)) return true
  return workingDir.startsWith('/') && containerPath(workingDir) === root
}

function isOf({ from }: Project, sourceUrl: string): boolean {
  if (!from || from.archive) return false
  const wanted = repositoryOf(sourceUrl)
  return [from.url, ...Object.values(from.remotes ?? {})].some((url) => repositoryOf(url) === wanted)
}

/** What the addresses of one repository have in common, whatever they are fetched by: `example.com/team/app`. */
function repositoryOf(address: string): string {
  const short = /^(?:[^@/:]+@)?([^/:]+):(?!\/\/)(.+)$/.exec(address)
  const long = /^[a-z+]+:\/\/(?:[^@/]*@)?([^/?#]*)\/([^?#]*)/i.exec(address)
  const [, host, path] = long ?? short ?? []
  if (host === undefined || path === undefined) return address
  return `${host.toLowerCase().replace(/:\d+$/, '')}/${path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '')}`
}
