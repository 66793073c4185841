import type { Definition, WorkspaceUser } from '#contract'
import type { Driver, ExecOptions } from '../../drivers/driver'
import { prepareExec } from '../../link/environment'
import type { Link } from '../../link/link'
import { UserEnvironment } from '../../link/user-environment'
import type { Clock } from '../../platform/clock'
import { substituteEnvironment } from '../../platform/variables'

/**
 * Commands in a container that becomes a prebuild, with the environment that they would have in a workspace, less all
 * that is of this machine or its user: `${localEnv:…}` is empty, and no credentials are lent. What commands write with
 * such things would stay in the image.
 */
export function commandsInside(
  driver: Driver,
  id: string,
  definition: Definition,
  { user, env: ofImage }: { readonly user: WorkspaceUser; readonly env: Readonly<Record<string, string>> },
  clock: Clock,
  ended: AbortSignal,
): Pick<Link, 'workspaceId' | 'exec'> {
  const containerEnv = Object.fromEntries(
    Object.entries(definition.containerEnv).map(([name, value]) => [
      name,
      substituteEnvironment(value, { local: {}, container: ofImage }),
    ]),
  )
  const exec = (options: ExecOptions, signal: AbortSignal) =>
    driver.exec(id, { ...options, env: { ...containerEnv, ...options.env } }, signal)
  const userEnvironment = new UserEnvironment({ workspace: () => ({ definition, user }), exec, clock, ended })
  return {
    workspaceId: id,
    exec: async (options, signal = ended) => {
      const { variables } = options.probed ? await userEnvironment.get(signal) : { variables: {} }
      return exec(prepareExec({ definition, user }, options, {}, false, variables), signal)
    },
  }
}

/** A definition whose build takes nothing from this machine's environment: arguments are kept in an image's history. */
export function withoutLocal(definition: Definition): Definition {
  const fill = (text: string) => substituteEnvironment(text, { local: {} })
  const { build, features } = definition
  const plain = <T extends { readonly args: Record<string, string> }>(from: T): T => ({
    ...from,
    args: Object.fromEntries(Object.entries(from.args).map(([name, value]) => [name, fill(value)])),
  })
  return {
    ...definition,
    ...(build && { build: plain(build) }),
    // Their images are got when a workspace is made.
    services: [],
    features: features.map((feature) => ({
      ...feature,
      options: Object.fromEntries(
        Object.entries(feature.options).map(([name, value]) => [
          name,
          typeof value === 'string' ? fill(value) : value,
        ]),
      ),
    })),
  }
}
