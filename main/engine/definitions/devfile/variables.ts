import type { Value } from '../document/value'
import type { Substitution } from '../variables'

/** Characters that variables may make of one file: variables of variables are an attack. */
const maximumGrowth = 2_000_000

/** Counts what is made of a file's texts. Throws `definition-invalid` at `at` where that comes to too much. */
export class Growth {
  readonly #at: Value
  #length = 0

  constructor(at: Value) {
    this.#at = at
  }

  add(length: number): void {
    this.#length += length
    if (this.#length > maximumGrowth) {
      throw this.#at.wrong(
        `The texts of the file come to more than ${maximumGrowth} characters when all is filled in.`,
        'Use variables and composite commands for less.',
      )
    }
  }
}

/**
 * Fills in `{{name}}` (devfile.io, "Defining variables"): in texts alone, not in names and what refers to them. One
 * that nobody has defined stays, as the devfile library does it.
 */
export function devfileSubstitution(variables: ReadonlyMap<string, string>, growth: Growth): Substitution {
  const unknown = new Set<string>()
  const all = (text: string) => {
    const found: RegExpMatchArray[] = [...text.matchAll(/\{\{([^{}\n]*)\}\}/g)]
    if (found.length === 0) return text
    let result = ''
    let from = 0
    for (const match of found) {
      const name = (match[1] ?? '').trim()
      const value = variables.get(name)
      // Templates of other programs look alike: those begin with a dot or hold more than a name.
      if (value === undefined && /^[\w][\w.-]*$/.test(name)) unknown.add(match[0])
      growth.add(value?.length ?? 0)
      result += text.slice(from, match.index) + (value ?? match[0])
      from = (match.index ?? 0) + match[0].length
    }
    return result + text.slice(from)
  }
  return { unknown, all, exceptEnvironment: all }
}

/**
 * Fills in `$(NAME)` as Kubernetes does in a container's variables, command and arguments: of variables that came
 * before; others stay, and `$$(NAME)` is `$(NAME)`.
 */
export function expandReferences(text: string, env: ReadonlyMap<string, string>, growth: Growth): string {
  return text.replace(/\$\$|\$\(([\w.-]+)\)/g, (whole, name: string | undefined) => {
    if (name === undefined) return '$'
    const value = env.get(name)
    if (value !== undefined) growth.add(value.length)
    return value ?? whole
  })
}

/** Fills in `$NAME` and `${NAME}` where they are known; others stay for the shell. */
export function expandShellVariables(text: string, env: ReadonlyMap<string, string>, growth: Growth): string {
  return text.replace(
    /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/g,
    (whole, plain?: string, braced?: string) => {
      const value = env.get(plain ?? braced ?? '')
      if (value !== undefined) growth.add(value.length)
      return value ?? whole
    },
  )
}

/** Whether a shell would still fill in something. */
export function hasShellVariables(text: string): boolean {
  return /\$(?:[A-Za-z_]|\{[A-Za-z_]\w*\})/.test(text)
}
