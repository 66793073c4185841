import { spawn } from 'node:child_process'
import { problem } from '#contract'
import type { ExecExit, ExecProcess } from '../../driver'
import type { Exec } from './methods'

/** For tests: runs what a driver would run in a container as a process of this machine. */
export function createLocalExec(environment: NodeJS.ProcessEnv = process.env): {
  exec: Exec
  pids: Set<number>
} {
  const pids = new Set<number>()
  const exec: Exec = (_id, options) =>
    new Promise((resolve, reject) => {
      const [command, ...args] = options.command
      if (!command) return reject(new Error('no command'))
      const child = spawn(command, args, { stdio: 'pipe', env: environment, detached: true })
      child.once('error', (error) =>
        reject(
          problem({
            code: 'command-not-found',
            title: `${command} is not there`,
            cause: error.message,
            remedy: 'Install it.',
          }),
        ),
      )
      const exit = new Promise<ExecExit>((done) => {
        child.once('close', (code, signal) => {
          if (child.pid) pids.delete(child.pid)
          done({ code: code ?? (signal ? 137 : 1) })
        })
      })
      child.once('spawn', () => {
        if (child.pid) pids.add(child.pid)
        const started: ExecProcess = {
          stdin: child.stdin,
          stdout: child.stdout,
          stderr: child.stderr,
          resize: async () => undefined,
          kill: async () => undefined,
          exit,
          destroy: () => {
            // A driver ends descendants too.
            try {
              if (child.pid && pids.has(child.pid)) process.kill(-child.pid, 'SIGKILL')
            } catch {
              // Ended just now.
            }
            child.stdout.destroy()
            child.stderr.destroy()
          },
        }
        for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined)
        resolve(started)
      })
    })
  return { exec, pids }
}
