import type { Node } from 'jsonc-parser'
import { type Clue, type Evidence, type Fact, tomlValue } from './evidence'
import { languageOfImage } from './images'
import { type Language, toolchains } from './toolchains'
import { fieldOf, fieldsOf, itemsOf, scalarOf } from './trees'
import { versionFor } from './versions'

/** Versions by language, from files that speak of several; what is added first stays. */
export type VersionHints = Map<Language, Fact>

const languages = Object.keys(toolchains) as Language[]
/** Workflows that are read at most: the likeliest first. */
const workflowsRead = 3

/** Looks into version managers, then the Dockerfile, then pipelines. */
export async function findVersions(evidence: Evidence, pipelines: readonly Clue[]): Promise<VersionHints> {
  const hints: VersionHints = new Map()
  const add = (language: Language, fact: Fact | undefined) => {
    const { preferred, parts } = toolchains[language]
    const version = fact && versionFor(fact.value, preferred, parts)
    if (fact && version !== undefined && !hints.has(language))
      hints.set(language, { ...fact, value: version })
  }
  const asdf = await evidence.clue('.tool-versions')
  const mise = (await evidence.clue('mise.toml')) ?? (await evidence.clue('.mise.toml'))
  for (const language of languages) {
    for (const name of toolchains[language].asdf) {
      const told = asdf?.all(/^\s*(\S+\s+\S+)/).find(({ value }) => value.split(/\s+/)[0] === name)
      // Java's have the maker before the number.
      add(language, told && { ...told, value: told.value.replace(/^\S+\s+(?:[a-z-]*-)?/, '') })
      const tool = mise && tomlValue(mise, 'tools', name)
      add(language, tool && { ...tool, value: tool.value.replace(/^[a-z]+-/, '') })
    }
  }
  const addImage = (fact: Fact | undefined) => {
    const found = fact && languageOfImage(fact.value)
    if (fact && found?.version !== undefined) add(found.language, { ...fact, value: found.version })
  }
  for (const fact of (await evidence.clue('Dockerfile'))?.all(/^\s*FROM\s+(?:--\S+\s+)?([^\s$]+)(?:\s|$)/i) ??
    [])
    addImage(fact)
  for (const clue of pipelines) {
    const root = clue.tree()
    if (clue.path === '.gitlab-ci.yml') {
      const image = fieldOf(root, 'image') ?? fieldOf(fieldOf(root, 'default'), 'image')
      const name = scalarOf(image) ?? scalarOf(fieldOf(image, 'name'))
      if (image && name) addImage(clue.fact(name, clue.lineOf(image.offset)))
    } else for (const [language, fact] of setUp(clue, root)) add(language, fact)
  }
  return hints
}

/** The repository's pipelines: .gitlab-ci.yml and GitHub's workflows, those that test before those that publish. */
export async function pipelinesOf(evidence: Evidence): Promise<readonly Clue[]> {
  const root = await evidence.names('.')
  const clues: Clue[] = []
  const gitlab = await evidence.clue('.gitlab-ci.yml')
  if (gitlab) clues.push(gitlab)
  if (root.includes('.github') && (await evidence.names('.github')).includes('workflows')) {
    const names = (await evidence.names('.github/workflows')).filter((name) => /\.ya?ml$/.test(name))
    const isLikely = (name: string) => (/test|ci|build|check/i.test(name) ? 0 : 1)
    names.sort((a, b) => isLikely(a) - isLikely(b) || (a < b ? -1 : 1))
    for (const name of names.slice(0, workflowsRead)) {
      const clue = await evidence.clue(`.github/workflows/${name}`)
      if (clue) clues.push(clue)
    }
  }
  return clues
}

function* setUp(clue: Clue, root: Node | undefined): Generator<readonly [Language, Fact]> {
  for (const [, job] of fieldsOf(fieldOf(root, 'jobs'))) {
    for (const step of itemsOf(fieldOf(job, 'steps'))) {
      const action = scalarOf(fieldOf(step, 'uses'))?.split('@')[0]
      for (const language of languages) {
        const [wanted, field = ''] = toolchains[language].setup ?? []
        if (action === undefined || action !== wanted) continue
        const node = fieldOf(fieldOf(step, 'with'), field)
        const version = node && versionOf(node, job, language)
        if (node && version !== undefined) yield [language, clue.fact(version, clue.lineOf(node.offset))]
      }
    }
  }
}

/** As it stands there, or of what it stands for in the job's matrix. */
function versionOf(node: Node, job: Node, language: Language): string | undefined {
  const text = scalarOf(node)?.trim() ?? ''
  const name = /^\$\{\{\s*matrix\.([\w-]+)\s*\}\}$/.exec(text)?.[1]
  if (name === undefined) return text.includes('${{') ? undefined : text.split('\n')[0]
  const { preferred, parts } = toolchains[language]
  const among = itemsOf(fieldOf(fieldOf(fieldOf(job, 'strategy'), 'matrix'), name))
    .map((item) => scalarOf(item) ?? '')
    .filter((version) => /^\d/.test(version))
  if (among.length === 0) return undefined
  const allowed = among.map((version) => versionFor(version, preferred, parts))
  return allowed.includes(preferred) ? preferred : among.join(' || ')
}
