import { spawn } from 'node:child_process'

export interface Display {
  /** For `DISPLAY`. */
  readonly name: string
  dispose(): Promise<void>
}

/** A screen of its own, without a window manager; takes a fraction of a second. Needs Xvfb. */
export async function startDisplay(width = 2560, height = 1440): Promise<Display> {
  // -displayfd: the server takes a free number and writes it there once it listens.
  const child = spawn(
    'Xvfb',
    ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp', '-noreset'],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
  )
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const name = await new Promise<string>((resolve, reject) => {
    child.stdio[3]?.once('data', (chunk: Buffer) => resolve(`:${chunk.toString().trim()}`))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}: ${errors}`)))
  })
  return {
    name,
    dispose: async () => {
      child.kill()
      await ended
    },
  }
}
