import path from 'node:path'
import { type Definition, problem } from '#contract'
import type { ExecOptions } from '../drivers/driver'
import type { LinkExecOptions } from './link'

/** A shell that most images of services have, and bash where there is one. */
const shell = 'command -v bash >/dev/null 2>&1 && exec bash; exec sh'

/**
 * What the driver is to run in a service: as the service's own user, in its own folder and environment, which are none
 * of the workspace's user's. A relative folder is one of the service's working folder, or of the source in it. Throws
 * `not-found` where the definition has no such service.
 */
export function prepareServiceExec(
  { definition }: { readonly definition: Pick<Definition, 'services'> },
  name: string,
  options: LinkExecOptions,
): ExecOptions {
  const service = definition.services.find((one) => one.name === name)
  if (!service) {
    const names = definition.services.map((one) => one.name).join(', ')
    throw problem({
      code: 'not-found',
      title: `There is no service ${name}`,
      cause: names ? `The workspace has ${names}.` : 'The workspace has no services.',
      remedy: names ? 'Name one of those.' : 'Leave the service out, to be in the workspace itself.',
    })
  }
  const { tty, user, cwd, env } = options
  const terminal: Record<string, string> = tty ? { TERM: 'xterm-256color', COLORTERM: 'truecolor' } : {}
  const base = service.workingFolder ?? service.sourceFolder ?? '/'
  return {
    command: 'shell' in options ? ['/bin/sh', '-c', shell] : options.command,
    service: name,
    ...(tty && { tty }),
    ...(user !== undefined && { user }),
    ...(cwd !== undefined && { cwd: path.posix.resolve('/', base, cwd) }),
    env: { ...terminal, ...env },
  }
}
