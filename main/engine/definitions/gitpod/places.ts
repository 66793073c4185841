import { posix } from 'node:path'
import type { AdditionalRepository, Definition } from '#contract'
import { shorten, type Value } from '../document/value'
import { containerPath } from '../paths'
import { ignoreUnknown, list, present } from './fields'
import { readRepositoryUrl } from './repository-url'

/** In the place of Gitpod's `/workspace`, to which its paths are relative. */
const root = '/workspaces'

/**
 * A path as Gitpod takes it, relative to its `/workspace` also where it begins with a slash. May be `root` itself.
 * Throws `definition-invalid` where it leads out of it.
 */
function below(value: Value): string {
  const text = value
    .text()
    .trim()
    .replace(/^\/workspace(?=\/|$)/, '')
  const path = containerPath(posix.join('/', text.replaceAll('\\', '/')))
  const out = posix.normalize(text.replaceAll('\\', '/').replace(/^\/+/, '') || '.').split('/')[0] === '..'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (path === undefined || out || /[\u0000-\u001f]/.test(text) || /(?:^|\/)\.git(?:\/|$)/i.test(path)) {
    throw value.mustBe(`a path below ${root}`, 'Write, for example, "checkoutLocation: app".')
  }
  return posix.join(root, path === '/' ? '' : path)
}

/** `checkoutLocation` and `workspaceLocation`. */
export function readPlaces(
  fields: ReadonlyMap<string, Value>,
  sourceName: string,
): Pick<Definition, 'workspaceFolder' | 'sourceFolder'> & { readonly source: string } {
  const usual = `${root}/${sourceName}`
  const checkout = fields.get('checkoutLocation')
  let source = checkout ? below(checkout) : usual
  if (source === root) {
    checkout?.ignore(`the repository has a folder of its own below ${root}`)
    source = usual
  }
  const location = fields.get('workspaceLocation')
  let workspaceFolder = location ? below(location) : source
  if (location && workspaceFolder.endsWith('.code-workspace')) {
    location.ignore('the folder that the file is in is opened')
    workspaceFolder = posix.dirname(workspaceFolder)
  }
  const plain = source === workspaceFolder && posix.dirname(source) === root
  return { source, workspaceFolder, ...(plain ? {} : { sourceFolder: source }) }
}

/** `additionalRepositories`; one that would lie where the source does is left out. */
export function readRepositories(value: Value | undefined, source: string): AdditionalRepository[] {
  const example = 'Write, for example, "- url: https://github.com/owner/repository".'
  const repositories: AdditionalRepository[] = []
  for (const item of list(value, example)) {
    const fields = present(item.fields(example))
    const url = fields.get('url')
    if (!url) throw item.mustBe('an object with "url"', example)
    const { name, ...repository } = readRepositoryUrl(url)
    const location = fields.get('checkoutLocation')
    const folder = location ? below(location) : `${root}/${name}`
    for (const [field, unknown] of fields) {
      if (field !== 'url' && field !== 'checkoutLocation')
        ignoreUnknown(unknown, shorten(field), ['url', 'checkoutLocation'])
    }
    if (folder === root) {
      throw (location ?? url).mustBe(`a folder below ${root}`, 'Give each repository a folder of its own.')
    }
    if (folder === source) item.ignore(`the source is in its folder, ${folder}`)
    else if (repositories.some((other) => other.folder === folder)) {
      throw (location ?? url).mustBe(
        `in a folder of its own (${folder} is taken)`,
        'Give it another "checkoutLocation".',
      )
    } else repositories.push({ ...repository, folder })
  }
  return repositories
}

const gitpodFolder = /(?<![\w./-])\/workspace(?![\w-])/g

/** A text in which Gitpod's own folder is where it is here: the same is in it. */
export function withFolder(text: string): string {
  return text.replace(gitpodFolder, root)
}

/** What Gitpod tells of where things are, to what runs in a workspace. */
export function placeVariables(
  source: string,
  workspaceFolder: string,
  repositories: readonly AdditionalRepository[],
): Record<string, string> {
  return {
    GITPOD_REPO_ROOT: source,
    GITPOD_REPO_ROOTS: [source, ...repositories.map(({ folder }) => folder)].join(','),
    THEIA_WORKSPACE_ROOT: workspaceFolder,
  }
}
