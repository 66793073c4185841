import type { Platform } from '../../platform/platform'
import { AgentFrames, agentFrame } from './agent-frames'
import { LaptopAgent } from './laptop-agent'

/** Where OpenSSH for Windows listens (its `ssh-agent` service), unless SSH_AUTH_SOCK says otherwise. */
const WINDOWS_PIPE = '\\\\.\\pipe\\openssh-ssh-agent'

/** The user's SSH agent; undefined where there is none. */
export function keysPath(
  platform: Pick<Platform, 'env'>,
  system: NodeJS.Platform = process.platform,
): string | undefined {
  return platform.env.SSH_AUTH_SOCK || (system === 'win32' ? WINDOWS_PIPE : undefined)
}

/** A connection to the user's SSH agent, made when it is first asked. */
export const openLaptopKeys = (path: string): LaptopAgent =>
  new LaptopAgent(path, { answers: () => new AgentFrames(), greets: false, message: agentFrame })
