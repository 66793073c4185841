import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type Definition, emptyDefinition, type Progress } from '#contract'
import type {
  Driver,
  ExecOptions,
  ObservedWorkspace,
  StepReport,
  WatchEvent,
  WorkspaceSpec,
} from '../../main/engine/drivers/driver'
import { createNodePlatform } from '../../main/engine/platform/node'
import type { Platform } from '../../main/engine/platform/platform'

/** What the conformance suite needs of a kind of target, so that it runs unchanged against each. */
export interface DriverHarness {
  readonly name: string
  /** Whether files outside source and home outlive a stop. */
  readonly keepsContainerFiles: boolean
  /** Whether logs tell what went to standard error from the rest, or give all of it as standard output. */
  readonly logChannels: 'apart' | 'mixed'
  /** Whether a server is told that its client sends no more, and may take its time for the answer then. */
  readonly halfClose: boolean
  /** A new driver to the same target. The suite disposes it. */
  open(): Driver
  readonly images: {
    /** With sh, Python 3 and procps, users root and `dev` (uid 1000). */
    readonly full: string
    /** busybox only. */
    readonly small: string
    /** No shell; its own command goes on for ever. */
    readonly bare: string
  }
  /** What someone does beside Berth, with the target's own tool. `instance` as observed. */
  readonly outside: {
    stop(instance: string): Promise<void>
    remove(instance: string): Promise<void>
  }
  /** What the target still has of workspaces: empty after they were removed. */
  leftovers(...workspaceIds: readonly string[]): Promise<readonly string[]>
  dispose(): Promise<void>
}

export const never = new AbortController().signal

export function newId(): string {
  return `t${randomBytes(5).toString('hex').slice(0, 9)}`
}

/** A platform with a home and folders of its own. */
export function testPlatform(env: Readonly<Record<string, string | undefined>> = {}): {
  readonly platform: Platform
  readonly home: string
  dispose(): void
} {
  const home = mkdtempSync(join(tmpdir(), 'berth-conformance-'))
  const platform = createNodePlatform({
    version: '0.0.0',
    resources: join(home, 'resources'),
    env: {
      PATH: process.env.PATH,
      HOME: home,
      SSL_CERT_FILE: process.env.SSL_CERT_FILE,
      http_proxy: process.env.http_proxy,
      ...env,
    },
  })
  return { platform, home, dispose: () => rmSync(home, { recursive: true, force: true }) }
}

/** Remembers what a verb reported. */
export class Recorder implements StepReport {
  readonly details: string[] = []
  readonly progresses: Progress[] = []
  text = ''

  detail(text: string): void {
    this.details.push(text)
  }
  progress(progress: Progress): void {
    this.progresses.push(progress)
  }
  output(text: string): void {
    this.text += text
  }
}

export function definitionOf(fields: Partial<Definition>): Definition {
  return { ...emptyDefinition('app'), format: 'image', ...fields }
}

export interface MakeOptions {
  readonly id?: string
  readonly name?: string
  readonly definition?: Partial<Definition>
  readonly spec?: Partial<WorkspaceSpec>
}

export async function specOf(
  driver: Driver,
  image: string,
  options: MakeOptions = {},
): Promise<WorkspaceSpec> {
  const id = options.id ?? newId()
  const definition = definitionOf({ image, ...options.definition })
  const resolved = await driver.resolveImage(
    { definition, workspaceId: id, refresh: false },
    new Recorder(),
    never,
  )
  return {
    id,
    name: options.name ?? `conf-${id}`,
    owner: 'conformance',
    source: { kind: 'image', image },
    definition,
    image: resolved,
    createdAt: Date.now(),
    ...options.spec,
  }
}

/** A committed, running workspace. */
export async function makeWorkspace(
  driver: Driver,
  image: string,
  options: MakeOptions = {},
): Promise<WorkspaceSpec> {
  const spec = await specOf(driver, image, options)
  await driver.create(spec, { replace: false }, new Recorder(), never)
  await driver.commit(spec.id, never)
  await driver.start(spec.id, new Recorder(), never)
  return spec
}

export async function collect(stream: Readable | null): Promise<Buffer> {
  const chunks: Buffer[] = []
  if (stream) for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/**
 * Disposes of a driver, and tells whether that was before it gives up to wait for what it ends: after three seconds, in
 * which a busy machine may not come to it.
 */
export async function disposedInTime(driver: Driver): Promise<boolean> {
  const begun = performance.now()
  await driver.dispose()
  return performance.now() - begun < 2_900
}

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command to its end. */
export async function run(
  driver: Driver,
  id: string,
  command: readonly string[],
  options: Omit<ExecOptions, 'command'> & { readonly input?: string } = {},
): Promise<Ran> {
  const { input, ...rest } = options
  const process = await driver.exec(id, { command, ...rest }, never)
  process.stdin.end(input)
  const [stdout, stderr] = await Promise.all([collect(process.stdout), collect(process.stderr)])
  const { code } = await process.exit
  return { code, stdout: stdout.toString('utf8'), stderr: stderr.toString('utf8') }
}

export const sh = (script: string) => ['/bin/sh', '-c', script]

/** Follows a driver's watch and keeps what it said. */
export class Watcher {
  readonly events: WatchEvent[] = []
  readonly workspaces = new Map<string, ObservedWorkspace>()
  readonly #controller = new AbortController()
  readonly #waiting = new Set<() => void>()
  readonly #done: Promise<void>

  constructor(driver: Driver) {
    this.#done = this.#follow(driver)
  }

  async #follow(driver: Driver): Promise<void> {
    for await (const event of driver.watch(this.#controller.signal)) {
      this.events.push(event)
      if (event.type === 'snapshot') {
        this.workspaces.clear()
        for (const workspace of event.workspaces) this.workspaces.set(workspace.id, workspace)
      } else if (event.type === 'changed') this.workspaces.set(event.workspace.id, event.workspace)
      else if (event.type === 'removed') this.workspaces.delete(event.id)
      for (const wake of [...this.#waiting]) wake()
    }
  }

  /** Resolves once `condition` holds; rejects after `limit` milliseconds with what was seen. */
  async until(condition: () => boolean, what: string, limit = 60_000): Promise<void> {
    const deadline = performance.now() + limit
    while (!condition()) {
      const left = deadline - performance.now()
      if (left <= 0)
        throw new Error(`${what}: not seen within ${limit} ms; seen ${JSON.stringify(this.events.slice(-3))}`)
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer)
          this.#waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, left)
        this.#waiting.add(wake)
      })
    }
  }

  async stop(): Promise<void> {
    this.#controller.abort()
    await this.#done
  }
}

/** Resolves once `condition` holds; rejects after `limit` milliseconds, a bound for what hangs. */
export async function untilSo(condition: () => boolean | Promise<boolean>, limit = 120_000): Promise<void> {
  const deadline = performance.now() + limit
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${limit} ms`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Does `work` for each item, some at a time, and gives the results in the items' order. */
export async function eachOf<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as Item)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
  return results
}
