import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'

/** For tests: a process of this machine in the place of one that a driver runs in a container. */
export interface LocalProcess {
  readonly child: ChildProcessWithoutNullStreams
  readonly exit: Promise<{ readonly code: number }>
  /** Ends it and all that came from it, as a driver does. */
  kill(): void
}

/** Rejects with the system's error where it cannot be started. */
export async function startLocalProcess(
  [program = '', ...args]: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<LocalProcess> {
  const child = spawn(program, args, { ...options, stdio: 'pipe', detached: true })
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined)
  let isOver = false
  const exit = new Promise<{ readonly code: number }>((resolve) => {
    child.once('close', (code, signal) => {
      isOver = true
      resolve({ code: code ?? (signal ? 137 : 1) })
    })
  })
  await once(child, 'spawn')
  return {
    child,
    exit,
    kill() {
      try {
        if (child.pid !== undefined && !isOver) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // Ended just now.
      }
    },
  }
}
