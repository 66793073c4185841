import { matchesTemplate, type Template, type TemplateReference, type TemplateSource } from '#contract'

/** A template as the gallery has it. */
export interface Listed {
  readonly reference: TemplateReference
  readonly template: Template
  readonly source: TemplateSource
  readonly isFavourite: boolean
}

export function sameTemplate(one: TemplateReference, other: TemplateReference): boolean {
  return one.repository === other.repository && one.id === other.id
}

/** Those that the words mean, the favourites first, and else in the order of their sources, by name. */
export function listTemplates(
  sources: readonly TemplateSource[],
  favourites: readonly TemplateReference[],
  words: string,
): Listed[] {
  const all = sources.flatMap((source) =>
    source.templates
      .filter((template) => matchesTemplate(template, source.name, words))
      .sort((one, other) => one.name.localeCompare(other.name))
      .map((template) => {
        const reference = { repository: source.key, id: template.id }
        const isFavourite = favourites.some((one) => sameTemplate(one, reference))
        return { reference, template, source, isFavourite }
      }),
  )
  return [...all.filter(({ isFavourite }) => isFavourite), ...all.filter(({ isFavourite }) => !isFavourite)]
}

/** The favourites once a template's star was pressed. */
export function withStar(
  favourites: readonly TemplateReference[],
  reference: TemplateReference,
): TemplateReference[] {
  const others = favourites.filter((one) => !sameTemplate(one, reference))
  return others.length < favourites.length ? others : [...others, reference]
}

/** A name of an option as words: `nodeVersion` is `Node version`. */
export function optionLabel(name: string): string {
  const words = name
    .replace(/[_-]+/g, ' ')
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .trim()
    .toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** A folder below another, of this machine's kind. */
export function joinPath(parent: string, name: string): string {
  const separator = parent.includes('\\') && !parent.includes('/') ? '\\' : '/'
  return `${parent.replace(/[/\\]+$/, '')}${separator}${name}`
}

/** What is wrong with the name of a new folder; undefined: nothing. */
export function folderNameFault(name: string): string | undefined {
  if (name.trim() === '') return 'Give it a name.'
  if (/[/\\:*?"<>|]/.test(name) || name === '.' || name === '..')
    return 'Use letters, digits, hyphens and dots.'
  return undefined
}
