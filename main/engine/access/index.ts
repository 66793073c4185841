import type { Workspace } from '#contract'
import type { Disposer } from '../platform/disposable'
import type { Handlers } from '../platform/handlers'
import { createGateway, type Gateway, type GatewayDependencies } from './gateway'
import { hostOf } from './hosts'
import { createSshConfig, type SshConfig } from './ssh-config'

/** How programs of this machine get into workspaces. */
export interface Access {
  readonly gateway: Gateway
  readonly sshConfig: SshConfig
  /** The name under which SSH reaches a workspace. */
  hostOf(workspace: Workspace): string
}

export interface AccessDependencies extends GatewayDependencies {
  /** Lets the gateway be used by other processes of this user. */
  readonly isShared: boolean
}

type AccessHandlers = Pick<Handlers, 'access.sshConfig' | 'access.setSshConfig'>

export function createAccess(
  dependencies: AccessDependencies,
): Access & { readonly handlers: AccessHandlers; dispose(): Promise<void> } {
  const { isShared, platform, targets, workspaces } = dependencies
  const gateway = createGateway(dependencies)
  const sshConfig = createSshConfig(platform)
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

  return {
    gateway,
    sshConfig,
    hostOf: (workspace) => hostOf(workspace, workspaces.list(), targets.list()),
    handlers: {
      'access.sshConfig': () => sshConfig.status(),
      'access.setSshConfig': ({ isInstalled }) => (isInstalled ? sshConfig.install() : sshConfig.remove()),
    },
    async dispose() {
      const close = await door
      await close?.()
    },
  }
}
