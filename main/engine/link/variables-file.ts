import { z } from 'zod'
import { VariableName, type WorkspaceUser } from '#contract'
import { shellQuoted } from '../platform/shell-quoted'

/** Where a variable comes from: a Berth installation's id, or `given` for one creation. */
export const GIVEN = 'given'

/** A value in a workspace. */
const HeldVariable = z.strictObject({
  value: z.string(),
  secret: z.boolean(),
  origin: z.string(),
})
export type HeldVariable = z.infer<typeof HeldVariable>

/** By name. */
export type HeldVariables = ReadonlyMap<string, HeldVariable>

/** Of a workspace that has none. */
export const noHeldVariables: HeldVariables = new Map()

const Header = z.record(VariableName, HeldVariable)
const HEADER = '# berth '

/** In the environment of what reads the file: the names in it, with a space between. */
export const NAMES_VARIABLE = 'BERTH_VARIABLES'

/**
 * The file of a running workspace that has the user's variables, as lines of `sh`. It lies in memory (tmpfs), which no
 * image, layer or volume has, goes with the container, and is its user's alone. The id is in its name because
 * containers with `--ipc=host` share the folder.
 */
export const variablesFile = (workspaceId: string, { uid }: Pick<WorkspaceUser, 'uid'>) =>
  `/dev/shm/berth-variables-${workspaceId}-${uid}`

/** Lines of `sh` that read the file, but for names that were `given` otherwise. Nothing of another user's is read. */
export function variablesLines(
  workspaceId: string,
  user: Pick<WorkspaceUser, 'uid'>,
  given: readonly string[],
): string[] {
  const file = variablesFile(workspaceId, user)
  const kept = given.filter((name) => VariableName.safeParse(name).success)
  return [
    `if [ -O ${file} ]; then`,
    ...kept.map((name, index) => `berth_g${index}=$${name}`),
    `. ${file}`,
    ...kept.map((name, index) => `export ${name}="$berth_g${index}"`),
    'fi',
  ]
}

/** The file's text. Values may hold anything but NUL. */
export function writeVariables(variables: HeldVariables): string {
  const header = Buffer.from(JSON.stringify(Object.fromEntries(variables))).toString('base64')
  const lines = [...variables].map(([name, { value }]) => `export ${name}=${shellQuoted(value)}`)
  return `${HEADER}${header}\n${lines.join('\n')}\nexport ${NAMES_VARIABLE}=${shellQuoted([...variables.keys()].join(' '))}\n`
}

/** What such a text holds; nothing where it is no such text. */
export function readVariables(text: string): HeldVariables {
  const [first = ''] = text.split('\n', 1)
  if (!first.startsWith(HEADER)) return new Map()
  try {
    const json: unknown = JSON.parse(Buffer.from(first.slice(HEADER.length), 'base64').toString('utf8'))
    return new Map(Object.entries(Header.parse(json)))
  } catch {
    return new Map()
  }
}
