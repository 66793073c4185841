import { problem } from '#contract'
import { startLocalProcess } from '../../../platform/local-process.suite'
import type { Exec } from './methods'

/** For tests: runs what a driver would run in a container as a process of this machine. */
export function createLocalExec(environment: NodeJS.ProcessEnv = process.env): {
  exec: Exec
  pids: Set<number>
} {
  const pids = new Set<number>()
  const exec: Exec = async (_id, { command }) => {
    const { child, exit, kill } = await startLocalProcess(command, { env: environment }).catch(
      (error: Error) => {
        throw problem({
          code: 'command-not-found',
          title: `${command[0]} is not there`,
          cause: error.message,
          remedy: 'Install it.',
        })
      },
    )
    const { pid, stderr, stdin, stdout } = child
    if (pid !== undefined) {
      pids.add(pid)
      void exit.then(() => pids.delete(pid))
    }
    return {
      stdin,
      stdout,
      stderr,
      exit,
      resize: async () => undefined,
      kill: async () => undefined,
      destroy() {
        kill()
        stdout.destroy()
        stderr.destroy()
      },
    }
  }
  return { exec, pids }
}
