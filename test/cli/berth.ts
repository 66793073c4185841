import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { z } from 'zod'

/** What `npm run build` made; the suite's set-up has built it. */
export const entry = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'out/cli/berth.js')

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
  /** Resolves once what it printed so far, on both streams, matches. Rejects when it ends without. */
  prints(pattern: RegExp): Promise<RegExpExecArray>
}

/** A command line with a home of its own, so that it meets no settings and no forwards of anybody else. */
export interface CommandLine {
  readonly home: string
  readonly env: NodeJS.ProcessEnv
  start(args: readonly string[], options?: StartOptions): Running
  /** Runs to the end. */
  run(
    args: readonly string[],
    options?: StartOptions & { readonly input?: Uint8Array | string },
  ): Promise<Ended>
  /** Runs to the end with `--json`, and returns its one document, checked. Rejects when the exit code is not 0. */
  json<S extends z.ZodType>(schema: S, args: readonly string[]): Promise<z.output<S>>
  /** Runs it in a terminal of its own (util-linux's `script`); stdout is what the terminal shows. */
  terminal(args: readonly string[], options?: StartOptions): Running
  dispose(): Promise<void>
}

export interface StartOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

export async function commandLine(): Promise<CommandLine> {
  const home = await mkdtemp(join(tmpdir(), 'berth-cli-'))
  const {
    XDG_CONFIG_HOME: _c,
    XDG_STATE_HOME: _s,
    XDG_CACHE_HOME: _h,
    BERTH_COMMAND: _b,
    ...own
  } = process.env
  const env = { ...own, HOME: home, TERM: 'xterm-256color', NO_COLOR: undefined }
  const running = new Set<ChildProcessWithoutNullStreams>()
  const launch = (command: string, args: readonly string[], options: StartOptions = {}): Running => {
    const child = spawn(command, [...args], { cwd: options.cwd ?? home, env: { ...env, ...options.env } })
    running.add(child)
    return attend(child, () => running.delete(child))
  }
  const start = (args: readonly string[], options?: StartOptions) =>
    launch(process.execPath, [entry, ...args], options)
  const run: CommandLine['run'] = (args, options = {}) => {
    const { child, ended } = start(args, options)
    child.stdin.end(options.input ?? '')
    return ended
  }
  return {
    home,
    env,
    start,
    run,
    async json(schema, args) {
      const { code, stdout, stderr } = await run([...args, '--json'])
      if (code !== 0) throw new Error(`berth ${args.join(' ')}: exit code ${code}\n${stderr}${stdout}`)
      return schema.parse(JSON.parse(stdout.toString()))
    },
    terminal: (args, options) =>
      launch(
        'script',
        ['-qefc', [process.execPath, entry, ...args].map(quote).join(' '), '/dev/null'],
        options,
      ),
    async dispose() {
      const living = [...running].filter(
        ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
      )
      const ended = living.map((child) => once(child, 'exit'))
      for (const child of living) child.kill('SIGKILL')
      await Promise.all(ended)
      // What one of them has begun in turn may still write a file there.
      await rm(home, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

function attend(child: ChildProcessWithoutNullStreams, forget: () => void): Running {
  const stdout: Buffer[] = []
  let stderr = ''
  let text = ''
  const listeners = new Set<() => void>()
  const news = () => {
    for (const listener of [...listeners]) listener()
  }
  child.stdout.on('data', (chunk: Buffer) => {
    stdout.push(chunk)
    text = (text + chunk.toString('latin1')).slice(-1_000_000)
    news()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
    text += chunk.toString()
    news()
  })
  // One that ends without reading all of its input is judged by its exit code.
  child.stdin.on('error', () => undefined)
  let done = false
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      done = true
      forget()
      resolve({ code, stdout: Buffer.concat(stdout), stderr })
      news()
    })
  })
  return {
    child,
    ended,
    prints: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(text)
          if (!match && !done) return
          listeners.delete(look)
          if (match) resolve(match)
          else reject(new Error(`it ended without printing ${pattern}:\n${text}`))
        }
        listeners.add(look)
        look()
      }),
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** A name that no other test has. */
export function uniqueName(what: string): string {
  return `test-${what}-${randomBytes(4).toString('hex')}`
}
