import { posix } from 'node:path'
import type { AdditionalRepository, StarterProject } from '#contract'
import { shorten, type Value } from '../document/value'
import { insideRepository, longestPath } from '../paths'
import { devfileFields } from './fields'
import {
  quoted,
  readFields,
  readKind,
  readList,
  readMap,
  readName,
  readReference,
  requireField,
  skipObject,
  uniqueNames,
} from './shape'

export interface Project {
  readonly name: string
  readonly at: Value
  /** Absent where it cannot be had. */
  readonly from?: Pick<AdditionalRepository, 'url' | 'ref' | 'archive' | 'remote' | 'remotes'>
  readonly subDir?: Value
  readonly description?: string
  readonly clonePath?: Value
}

/** `projects` and `dependentProjects`. */
export function readProjects(fields: ReadonlyMap<string, Value>): Project[] {
  const projects = ['projects', 'dependentProjects'].flatMap((section) =>
    readSection(fields.get(section), section),
  )
  uniqueNames('project', projects, ({ name }) => name)
  return projects
}

/** What belongs beside the source, each in a folder of `root`. */
export function planProjects(
  projects: readonly Project[],
  root: string,
  workspaceFolder: string,
): AdditionalRepository[] {
  const folders = new Set([workspaceFolder])
  const repositories: AdditionalRepository[] = []
  for (const { name, at, from, clonePath } of projects) {
    if (!from) continue
    const folder = projectFolder({ name, clonePath }, root)
    if (folders.has(folder)) {
      at.ignore(
        folder === workspaceFolder
          ? 'the source that the workspace is made of is in its folder already'
          : `another project has the folder ${folder} already`,
      )
      continue
    }
    folders.add(folder)
    repositories.push({ ...from, folder })
  }
  return repositories
}

/** `starterProjects`: what an empty source can begin with. */
export function readStarterProjects(section: Value | undefined): StarterProject[] {
  if (!section) return []
  const projects = readSection(section, 'starterProjects')
  uniqueNames('starter project', projects, ({ name }) => name)
  return projects.flatMap(({ name, from, subDir, description }) => {
    if (!from) return []
    const { url, ref, archive } = from
    const subFolder = subDir && readSubFolder(subDir)
    return {
      name,
      url,
      ...(ref !== undefined && { ref }),
      ...(archive && { archive }),
      ...(subFolder !== undefined && { subFolder }),
      ...(description !== undefined && { description }),
    }
  })
}

/** Undefined: the whole repository. */
function readSubFolder(subDir: Value): string | undefined {
  const text = subDir.text()
  const path = text.length <= longestPath ? insideRepository('.', text.replace(/^\/+/, '') || '.') : undefined
  if (path === undefined) throw subDir.mustBe('a path inside the repository')
  return path === '.' ? undefined : path
}

function readSection(section: Value | undefined, list: string): Project[] {
  const starter = list === 'starterProjects'
  return (section ? readList(section) : []).map((item) => {
    const name = readName(requireField(item, item.fields(), 'name'))
    const at = item.named(`${list}.${name}`)
    const fields = readFields(at, starter ? devfileFields.starterProject : devfileFields.project)
    skipObject(fields.get('attributes'))
    const description = starter ? fields.get('description')?.text(quoted) : undefined
    fields.get('sparseCheckoutDirs')?.ignore('all of its folders are checked out')
    const subDir = starter ? fields.get('subDir') : undefined
    subDir?.text(quoted)
    const kind = readKind(at, fields, ['git', 'zip', 'github'], ['git', 'zip'])
    const section = requireField(at, fields, kind)
    const clonePath = starter ? undefined : fields.get('clonePath')
    clonePath?.text(quoted)
    const base = {
      name,
      at,
      ...(clonePath && { clonePath }),
      ...(subDir && { subDir }),
      ...(description && { description: shorten(description, 300) }),
    }
    const from = kind === 'zip' ? readArchive(section) : readGit(section, starter)
    return { ...base, ...(from && { from }) }
  })
}

/** Undefined, and listed, where it cannot be fetched. */
function readArchive(section: Value): Project['from'] | undefined {
  const location = readFields(section, devfileFields.zip).get('location')?.text(quoted) ?? ''
  const url = location.length <= 2000 && URL.canParse(location) ? new URL(location) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '')
    return { url: url.href, archive: true }
  section.ignore('it has no http(s) address without a password, from which the archive could be fetched')
  return undefined
}

function readGit(section: Value, starter: boolean): NonNullable<Project['from']> {
  const fields = readFields(section, devfileFields.git, { required: ['remotes'] })
  const remotesAt = requireField(section, fields, 'remotes')
  const remotes = readMap(remotesAt)
  const [first] = remotes.keys()
  if (first === undefined) {
    throw remotesAt.mustBe(
      'an object with a remote',
      'Write, for example, "origin: https://example.com/app.git".',
    )
  }
  const from = fields.get('checkoutFrom')
  const parts = from && readFields(from, devfileFields.checkoutFrom)
  const remoteAt = parts?.get('remote')
  let remote = remoteAt?.text(quoted)
  if (starter && remotes.size > 1) throw remotesAt.mustBe('an object with one remote only')
  if (remotes.size > 1 && (remote === undefined || remote === '')) {
    throw section.wrong(
      `"${section.name}" has several remotes, and does not say which one is checked out.`,
      `Add "checkoutFrom: {remote: ${shorten(first)}}".`,
    )
  }
  if (remote && !remotes.has(remote)) {
    if (remotes.size > 1) {
      throw (remoteAt ?? section).mustBe(
        `one of the remotes ${[...remotes.keys()]
          .slice(0, 10)
          .map((name) => shorten(name))
          .join(', ')}`,
      )
    }
    remoteAt?.ignore(`there is no such remote; the only one, "${shorten(first)}", is used`)
    remote = undefined
  }
  const used = remote || first
  const others: [string, string][] = []
  for (const [name, field] of remotesAt.fields()) {
    checkAddress(remotes.get(name) ?? '', field)
    if (name === used) continue
    if (isRemoteName(name)) others.push([name, remotes.get(name) ?? ''])
    else field.ignore('git takes no such name for a remote')
  }
  const url = remotes.get(used) ?? ''
  const revisionAt = parts?.get('revision')
  const revision = revisionAt?.text('Put it in quotes.')
  if (revisionAt && revision && !/^[^\s\0~^:?*[\\-][^\s\0~^:?*[\\]*$/.test(revision)) {
    throw revisionAt.mustBe('a branch, tag or commit')
  }
  if (remoteAt) readReference(remoteAt)
  return {
    url,
    ...(revision && { ref: revision }),
    ...(used !== 'origin' && isRemoteName(used) && { remote: used }),
    ...(others.length > 0 && { remotes: Object.fromEntries(others) }),
  }
}

const isRemoteName = (name: string) =>
  /^[A-Za-z0-9][\w.-]{0,99}$/.test(name) && !/\.\.|\.lock$|\.$/.test(name)

/** What begins with a dash is an option of git's, and `::` names a program that git would run. */
function checkAddress(url: string, at: Value): void {
  if (url !== '' && !url.startsWith('-') && !/[\s\0]|::/.test(url)) return
  throw at.mustBe('the address of a git repository', 'Write, for example, "https://example.com/app.git".')
}

/** `clonePath` must be relative and stay inside (devfile.io); where it does not, the project's name counts. */
export function projectFolder(
  { name, clonePath }: Pick<Project, 'name' | 'clonePath'>,
  root: string,
): string {
  const own = posix.join(root, name)
  const text = clonePath?.text()
  if (!clonePath || !text) return own
  if (text.length > longestPath) throw clonePath.mustBe(`a path of at most ${longestPath} characters`)
  const path = posix.normalize(posix.join(root, text)).replace(/\/$/, '')
  if (text.startsWith('/') || text.includes('\0') || text.includes('\n') || !path.startsWith(`${root}/`)) {
    clonePath.ignore(`it must be a path inside ${root}, relative to it; the project is in ${own}`)
    return own
  }
  return path
}
