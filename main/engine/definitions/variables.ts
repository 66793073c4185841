import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { substituteEnvironment } from '../platform/variables'
import type { DefinitionContext } from './reader'

/** What is behind the colon ends where another one begins: each text is gone through once, whatever it is made of. */
const variable = /\$\{([A-Za-z]+)(?::((?:[^}$]|\$(?!\{))*))?\}/g

/**
 * The `${devcontainerId}` of a workspace: 52 characters of [0-9a-v] that stay the same over rebuilds
 * (containers.dev, "Dev container id").
 */
export function devcontainerId(workspaceId: string): string {
  const digest = createHash('sha256').update(`berth.dev/workspace=${workspaceId}`).digest('hex')
  return BigInt(`0x${digest}`).toString(32).padStart(52, '0')
}

export interface Substitution {
  /** All variables but `${containerEnv:…}`. */
  all(text: string): string
  /** All but those of an environment, whose values may be secrets (see `Definition`). */
  exceptEnvironment(text: string): string
  /** Names found that are no variable; they stay as written. */
  readonly unknown: ReadonlySet<string>
}

/** Makes the substitution of one definition. `workspaceFolder` is absent while that itself is being read. */
export function createSubstitution(context: DefinitionContext, workspaceFolder?: string): Substitution {
  const unknown = new Set<string>()
  const inContainer = workspaceFolder ?? `/workspaces/${context.sourceName}`
  // A git source has no folder on this machine: its place in the workspace is the nearest thing.
  const local = context.localFolder ?? inContainer
  const values: Readonly<Record<string, string | undefined>> = {
    localWorkspaceFolder: local,
    localWorkspaceFolderBasename: context.sourceName,
    containerWorkspaceFolder: inContainer,
    containerWorkspaceFolderBasename: posix.basename(inContainer),
    devcontainerId: devcontainerId(context.workspaceId),
  }
  const exceptEnvironment = (text: string) =>
    text.replace(variable, (whole, name: string, argument?: string) => {
      if (name === 'localEnv' || name === 'env' || name === 'containerEnv') return whole
      const value = argument === undefined && Object.hasOwn(values, name) ? values[name] : undefined
      // `${HOME}` and the like belong to the shell of a lifecycle command, or to the Dockerfile.
      if (value === undefined && name !== name.toUpperCase()) unknown.add(whole)
      return value ?? whole
    })
  return {
    unknown,
    exceptEnvironment,
    all: (text) => substituteEnvironment(exceptEnvironment(text), { local: context.env }),
  }
}
