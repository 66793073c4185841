import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { basename, dirname } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { problem } from '#contract'
import type { Driver, ExecOptions, ExecProcess } from '../../drivers/driver'
import { startLocalProcess } from '../../platform/local-process.suite'

/**
 * For tests: a driver whose workspaces are this machine. What it starts are real processes, in an environment and with
 * places of one's own; only what the agent needs of a driver is there.
 */
export class LocalDriver {
  /** What was started, oldest first. */
  readonly started: (readonly string[])[] = []
  readonly #environment: Readonly<Record<string, string>>
  readonly #running = new Set<() => void>()
  /** The ways to and from what runs. */
  readonly #ways = new Set<Way>()
  #way: Promise<void> = Promise.resolve()

  constructor(environment: Readonly<Record<string, string>>) {
    this.#environment = environment
  }

  get driver(): Driver {
    return { exec: this.#exec, read: this.#read, write: this.#write } as unknown as Driver
  }

  /** Ends all that runs, as a lost network would: without a word. */
  cut(): void {
    for (const end of this.#running) end()
  }

  /** From now on nothing gets to what runs, and nothing comes back: without a word. */
  freeze(): void {
    for (const way of this.#ways) way.isFrozen = true
  }

  /** Nothing more is started until the function that this gives is called. */
  block(): () => void {
    let unblock: () => void = () => undefined
    this.#way = new Promise((resolve) => {
      unblock = resolve
    })
    return unblock
  }

  readonly #exec = async (_id: string, options: ExecOptions, _signal: AbortSignal): Promise<ExecProcess> => {
    await this.#way
    this.started.push(options.command)
    const { child, exit, kill } = await startLocalProcess(options.command, {
      env: { ...this.#environment, ...options.env },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    }).catch((error: Error) => {
      throw problem({
        code: 'exec-failed',
        title: `"${options.command[0]}" could not be started`,
        cause: error.message,
        remedy: 'Check the command.',
      })
    })
    this.#running.add(kill)
    const [there, back] = [new Way(), new Way()]
    there.pipe(child.stdin)
    child.stdout.pipe(back)
    for (const way of [there, back]) this.#ways.add(way)
    void exit.then(() => {
      this.#running.delete(kill)
      for (const way of [there, back]) this.#ways.delete(way)
    })
    return {
      stdin: there,
      stdout: back,
      stderr: child.stderr,
      exit,
      resize: async () => undefined,
      kill: async () => undefined,
      destroy: kill,
    }
  }

  readonly #read = async (_id: string, path: string): Promise<Readable> => {
    const child = spawn('tar', ['-c', '-f', '-', '-C', dirname(path), basename(path)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const kill = () => {
      child.stdout.destroy(
        problem({
          code: 'connection-lost',
          title: 'The files could not be read',
          cause: 'Cut.',
          remedy: 'Again.',
        }),
      )
      child.kill('SIGKILL')
    }
    this.#running.add(kill)
    child.once('close', () => this.#running.delete(kill))
    return child.stdout
  }

  readonly #write = async (_id: string, folder: string, tar: Readable): Promise<void> => {
    const child = spawn('tar', ['-x', '-f', '-', '-C', folder, '--no-same-owner'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    child.stdin.on('error', () => undefined)
    let isCut = false
    const kill = () => {
      isCut = true
      child.kill('SIGKILL')
    }
    this.#running.add(kill)
    tar.pipe(child.stdin)
    const [code] = (await once(child, 'close')) as [number | null]
    this.#running.delete(kill)
    if (isCut)
      throw problem({
        code: 'connection-lost',
        title: 'The files could not be written',
        cause: 'Cut.',
        remedy: 'Again.',
      })
    if (code !== 0) {
      throw problem({
        code: 'permission-denied',
        title: 'The folder cannot be written to',
        cause: `tar ended with ${code}.`,
        remedy: 'Choose another.',
      })
    }
  }
}

/** Bytes go along it, or are lost on it. */
class Way extends Transform {
  isFrozen = false

  override _transform(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error: null, chunk?: Buffer) => void,
  ): void {
    if (this.isFrozen) done(null)
    else done(null, chunk)
  }
}
