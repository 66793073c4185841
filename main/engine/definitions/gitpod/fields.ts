import type { Value } from '../document/value'
import { closest } from '../suggest'

/** Fields of .gitpod.yml (its JSON schema, "Gitpod Config") that Berth applies. */
export const appliedFields = [
  'image',
  'tasks',
  'ports',
  'env',
  'checkoutLocation',
  'workspaceLocation',
  'additionalRepositories',
  'vscode',
  'jetbrains',
] as const

/** The known fields that it does not, each with the reason that the user is told. */
export const refusedFields: Readonly<Record<string, string>> = {
  github: 'prebuilds are made with `berth prebuild`, and nothing is written to GitHub',
  gitConfig: "git keeps the configuration that it has; set these values by a task with 'git config'",
  mainConfiguration: 'the definition of the repository that you open is used, not that of another one',
  coreDump: 'core files are as the engine makes them',
  experimentalNetwork: "workspaces have the engine's own network",
}

/** Lists a field that is in nobody's schema, with what was probably meant. */
export function ignoreUnknown(value: Value, name: string, known: readonly string[]): void {
  const meant = closest(name, known)
  value.ignore(`unknown field${meant ? `; did you mean "${meant}"?` : ''}`)
}

/** What a section has. One without a value counts as absent, and so does what in it has none. */
export function present(fields: ReadonlyMap<string, Value>): Map<string, Value> {
  return new Map([...fields].filter(([, value]) => value.type !== 'null'))
}

/** A section that may be absent. Throws `definition-invalid` where it is no object. */
export function section(value: Value | undefined, example = ''): Map<string, Value> {
  return value === undefined ? new Map() : present(value.fields(example))
}

/** A list that may be absent; items without a value are left out. */
export function list(value: Value | undefined, example = ''): Value[] {
  return (value?.items(example) ?? []).filter((item) => item.type !== 'null')
}
