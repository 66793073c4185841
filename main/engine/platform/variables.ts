/** Finds `${localEnv:NAME}`, `${localEnv:NAME:default}` and the same with `env:` and `containerEnv:`. */
const environmentVariable = /\$\{(localEnv|env|containerEnv):([^:}$]+)(?::((?:[^}$]|\$(?!\{))*))?\}/g

export interface VariableSources {
  /** The environment of this machine, for `${localEnv:…}`. Absent: those stay as written. */
  readonly local?: Readonly<Record<string, string | undefined>>
  /** The environment of the running container, for `${containerEnv:…}`. Absent: those stay as written. */
  readonly container?: Readonly<Record<string, string | undefined>>
}

/**
 * Fills in the variables that a stored definition keeps as written (see `Definition`): a name that is not set gives
 * its default, or nothing (containers.dev, "Variables in devcontainer.json").
 */
export function substituteEnvironment(text: string, sources: VariableSources): string {
  return text.replace(environmentVariable, (whole, kind: string, name: string, fallback?: string) => {
    const source = kind === 'containerEnv' ? sources.container : sources.local
    if (!source) return whole
    return (Object.hasOwn(source, name) ? source[name] : undefined) ?? fallback ?? ''
  })
}

/** Whether `text` asks for something that only the running container knows. */
export function needsContainerEnvironment(text: string): boolean {
  return text.includes('$' + '{containerEnv:')
}
