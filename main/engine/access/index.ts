import { access, constants, stat } from 'node:fs/promises'
import { problem, type Workspace } from '#contract'
import type { Disposer } from '../platform/disposable'
import type { Handlers } from '../platform/handlers'
import type { Platform } from '../platform/platform'
import { createGateway, type Gateway, type GatewayDependencies } from './gateway'
import { hostOf } from './hosts'
import { createOpeners, type OpenersDependencies } from './launch'
import type { Machine } from './launch/programs'
import { createSshConfig, type SshConfig } from './ssh-config'

/** How programs of this machine get into workspaces. */
export interface Access {
  readonly gateway: Gateway
  readonly sshConfig: SshConfig
  /** The name under which SSH reaches a workspace. */
  hostOf(workspace: Workspace): string
}

export interface AccessDependencies extends GatewayDependencies, Pick<OpenersDependencies, 'forward'> {
  /** Lets the gateway be used by other processes of this user. */
  readonly isShared: boolean
}

type AccessHandlers = Pick<Handlers, Extract<keyof Handlers, `access.${string}`>>

export function createAccess(
  dependencies: AccessDependencies,
): Access & { readonly handlers: AccessHandlers; dispose(): Promise<void> } {
  const { forward, isShared, links, platform, targets, workspaces } = dependencies
  const gateway = createGateway(dependencies)
  const sshConfig = createSshConfig(platform)
  const hostOfWorkspace = (workspace: Workspace) => hostOf(workspace, workspaces.list(), targets.list())
  const openers = createOpeners({
    platform,
    links,
    sshConfig,
    machine: thisMachine(platform),
    hostOf: hostOfWorkspace,
    forward,
  })
  const door = isShared ? openQuietly() : undefined

  /** Without it everything else works, if slower. */
  async function openQuietly(): Promise<Disposer> {
    try {
      return await gateway.listen()
    } catch (error) {
      platform.logger.warn('gateway: it cannot be shared', { error: String(error) })
      return () => undefined
    }
  }

  function existing(workspaceId: string): Workspace {
    const workspace = workspaces.get(workspaceId)
    if (workspace) return workspace
    throw problem({
      code: 'workspace-gone',
      title: 'The workspace is gone',
      cause: `There is no workspace ${workspaceId} any more.`,
      remedy: 'Refresh the list of workspaces.',
    })
  }

  return {
    gateway,
    sshConfig,
    hostOf: hostOfWorkspace,
    handlers: {
      'access.openers': async ({ workspaceId }) => ({
        openers: await openers.list(),
        host: hostOfWorkspace(existing(workspaceId)),
      }),
      'access.open': async ({ opener, workspaceId }, signal) =>
        openers.open(existing(workspaceId), opener, signal),
      'access.sshConfig': () => sshConfig.status(),
      'access.setSshConfig': ({ isInstalled }) => (isInstalled ? sshConfig.install() : sshConfig.remove()),
    },
    async dispose() {
      const close = await door
      await close?.()
    },
  }
}

function thisMachine({ env, folders }: Platform): Machine {
  return {
    platform: process.platform,
    env,
    home: folders.home,
    async isProgram(path) {
      try {
        await access(path, constants.X_OK)
        return (await stat(path)).isFile()
      } catch {
        return false
      }
    },
  }
}
