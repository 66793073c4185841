import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { CreateInput, Operation, Problem, Source, Workspace } from '#contract'
import { createDockerProvider } from '../../main/engine/drivers/docker/index'
import type { DriverProvider } from '../../main/engine/drivers/driver'
import { createKubernetesProvider } from '../../main/engine/drivers/kubernetes'
import { createLinks } from '../../main/engine/link/index'
import { waitFor } from '../../main/engine/platform/collection'
import { createNodePlatform } from '../../main/engine/platform/node'
import type { Platform } from '../../main/engine/platform/platform'
import { createWorkspaceService, type WorkspaceService } from '../../main/engine/workspaces/index'
import { TEST_IMAGES } from '../harness/images'
import { berthObjects } from '../harness/leak'

const never = new AbortController().signal

/** A machine's own folders for one test, so that neither tests nor the user's Berth see each other. */
export class Machine {
  readonly home: string
  readonly temporary: string
  readonly env: Record<string, string | undefined>

  /** `home`: that of a machine made before, for a second process on it. */
  constructor(env: Record<string, string | undefined> = {}, home?: string) {
    this.home = home ?? mkdtempSync(join(tmpdir(), 'workspaces-test-'))
    this.temporary = join(this.home, 'tmp')
    mkdirSync(this.temporary, { recursive: true })
    this.env = {
      PATH: process.env.PATH,
      HOME: this.home,
      DOCKER_HOST: process.env.DOCKER_HOST,
      GIT_CONFIG_NOSYSTEM: '1',
      ...env,
    }
    mkdirSync(join(this.home, '.config', 'berth'), { recursive: true })
    writeFileSync(
      join(this.home, '.config', 'berth', 'settings.json'),
      JSON.stringify({ defaultImage: TEST_IMAGES.debian }),
    )
  }

  platform(): Platform {
    const platform = createNodePlatform({ version: '0.0.0', resources: this.home, env: this.env })
    return { ...platform, folders: { ...platform.folders, temporary: this.temporary } }
  }

  /** Temporary folders that somebody forgot. */
  leftovers(): string[] {
    return readdirSync(this.temporary)
  }

  locks(): string[] {
    return readdirSync(join(this.home, '.local', 'state', 'berth', 'locks'))
  }

  /**
   * Puts a `git` in front of the real one that hangs as soon as it is asked for something that `words`, a pattern of
   * the shell, matches.
   */
  hangGit(words: string): void {
    const folder = join(this.home, 'bin')
    mkdirSync(folder, { recursive: true })
    writeFileSync(
      join(folder, 'git'),
      `#!/bin/sh\ncase " $* " in ${words}) sleep 1000 & echo $! >> "${this.home}/hanging"; wait; exit 1;; esac\nexec /usr/bin/git "$@"\n`,
      { mode: 0o755 },
    )
    this.env.PATH = `${folder}:${process.env.PATH}`
  }

  dispose(): void {
    rmSync(this.home, { recursive: true, force: true })
  }
}

/** The service over a real engine, and short ways to ask it. */
export class Rig {
  readonly service: WorkspaceService
  readonly outputs: string[] = []
  readonly #links: ReturnType<typeof createLinks>

  constructor(
    readonly machine: Machine,
    options: RigOptions = {},
  ) {
    const platform = machine.platform()
    const service = createWorkspaceService({
      platform,
      providers: providersOf(platform, options),
      emit: (name, payload) => {
        if (name === 'operation.output') this.outputs.push((payload as { text: string }).text)
      },
      links: () => this.#links,
      ...(options.runsTasks && {
        beginTask: async ({ workspaceId, line, cwd, env }) => {
          if (line === undefined) return
          const command = ['sh', '-c', line]
          await this.#run(workspaceId, { command, env, probed: true, ...(cwd !== undefined && { cwd }) })
        },
      }),
      ...(options.livesOn && { livesOn: true }),
    })
    this.service = service
    this.#links = createLinks({ platform, workspaces: service.workspaces, driverOf: service.driverOf })
  }

  get output(): string {
    return this.outputs.join('')
  }

  async create(
    source: Source,
    more: Partial<CreateInput> = {},
  ): Promise<{ id: string; operationId: string }> {
    const { operationId, workspaceId } = await this.service.handlers['workspaces.create'](
      { source, ...more },
      never,
    )
    created.add(workspaceId)
    return { id: workspaceId, operationId }
  }

  /** Creates and waits until all of it is done; fails with the Problem when it is not. */
  async up(source: Source, more: Partial<CreateInput> = {}): Promise<Workspace> {
    const { id, operationId } = await this.create(source, more)
    await this.succeeded(operationId)
    return this.workspace(id)
  }

  workspace(id: string): Workspace {
    const workspace = this.service.workspaces.get(id)
    if (!workspace) throw new Error(`No workspace ${id}`)
    return workspace
  }

  /** Asks for an action on a workspace and waits for its end. */
  async act(verb: 'start' | 'stop' | 'restart' | 'rebuild' | 'delete', id: string): Promise<Operation> {
    const { operationId } = await this.service.handlers[`workspaces.${verb}`]({ workspaceId: id }, never)
    return this.ended(operationId)
  }

  async ended(operationId: string): Promise<Operation> {
    const operation = await waitFor(
      this.service.operations,
      operationId,
      (record) => record?.state !== 'running',
      AbortSignal.timeout(300_000),
    )
    if (!operation) throw new Error('The operation is gone')
    return operation
  }

  async succeeded(operationId: string): Promise<Operation> {
    const operation = await this.ended(operationId)
    if (operation.state !== 'succeeded') {
      throw new Error(`${operation.state}: ${JSON.stringify(operation.problem, null, 1)}`)
    }
    return operation
  }

  /** The Problem that an operation failed with. */
  async failure(operationId: string): Promise<Problem> {
    const operation = await this.ended(operationId)
    if (operation.state !== 'failed' || !operation.problem) throw new Error(`It ${operation.state}`)
    return operation.problem
  }

  /** Waits for a step of an operation to be in a state. */
  async step(operationId: string, stepId: string, state: string): Promise<void> {
    await waitFor(
      this.service.operations,
      operationId,
      (record) =>
        record?.state !== 'running' ||
        record.steps.some((step) => step.id === stepId && step.state === state),
      AbortSignal.timeout(60_000),
    )
  }

  async state(id: string, predicate: (workspace: Workspace | undefined) => boolean): Promise<void> {
    await waitFor(this.service.workspaces, id, predicate, AbortSignal.timeout(60_000))
  }

  cancel(operationId: string): Promise<unknown> {
    return this.service.handlers['operations.cancel']({ operationId }, never)
  }

  /** Runs a command in a workspace as its user; returns what it printed. */
  run(id: string, ...command: string[]): Promise<string> {
    return this.#run(id, { command })
  }

  /** The same with what the user's shell adds to the environment, as `berth exec` has it. */
  runProbed(id: string, ...command: string[]): Promise<string> {
    return this.#run(id, { command, probed: true })
  }

  async #run(
    id: string,
    options: {
      readonly command: readonly string[]
      readonly probed?: boolean
      readonly cwd?: string
      readonly env?: Readonly<Record<string, string>>
    },
  ): Promise<string> {
    const { command } = options
    const running = await this.#links.get(id).exec(options, never)
    running.stdin.end()
    let text = ''
    running.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    running.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    const { code } = await running.exit
    if (code !== 0) throw new Error(`${command.join(' ')}: exit ${code}: ${text}`)
    return text
  }

  async dispose(): Promise<void> {
    await this.service.dispose()
    this.#links.dispose()
  }
}

/** Ids of all workspaces that this test file made. */
export const created = new Set<string>()

/** Removes what a test that failed left on the engine; does nothing after one that succeeded. */
export function purge(): void {
  const list = (...args: string[]) =>
    execFileSync('docker', args, { encoding: 'utf8' }).split('\n').filter(Boolean)
  for (const id of created) {
    const filter = `label=berth.dev/workspace=${id}`
    const beside = `label=berth.dev/service-of=${id}`
    for (const one of [filter, beside])
      for (const container of list('ps', '-aq', '--filter', one)) list('rm', '-fv', container)
    for (const volume of list('volume', 'ls', '-q', '--filter', filter)) list('volume', 'rm', volume)
    const images = ['images', '--format', '{{.Repository}}:{{.Tag}}', '--filter', `reference=berth/${id}`]
    for (const image of list(...images)) list('rmi', image)
  }
  created.clear()
}

export type Verb = 'resolveImage' | 'create' | 'write' | 'start' | 'commit'

export interface RigOptions {
  /** What kind of targets it sees. Default: Docker's. */
  readonly kind?: DriverProvider['kind'] | 'both'
  /** False: as if the engine were on another machine. */
  readonly bindMounts?: boolean
  /** Tasks run to their end when they are begun, without a terminal. Default: there are none. */
  readonly runsTasks?: boolean
  /** A verb of the driver that does its work and then never returns: a place to be killed in. */
  readonly hangAfter?: Verb
  /** As the window's engine does. */
  readonly livesOn?: boolean
}

function providersOf(platform: Platform, options: RigOptions): DriverProvider[] {
  const { kind = 'docker' } = options
  const kinds = kind === 'both' ? (['docker', 'kubernetes'] as const) : [kind]
  return kinds.map((one) => provide(platform, one, options))
}

/** The real provider, with a driver that differs in what a test asks for. */
function provide(
  platform: Platform,
  kind: DriverProvider['kind'],
  options: Omit<RigOptions, 'kind'>,
): DriverProvider {
  const provider = kind === 'kubernetes' ? createKubernetesProvider(platform) : createDockerProvider(platform)
  return {
    kind: provider.kind,
    watchTargets: (listener) => provider.watchTargets(listener),
    open(target) {
      const driver = provider.open(target)
      if (options.bindMounts === false) {
        const probe = driver.probe.bind(driver)
        driver.probe = async (signal) => {
          const facts = await probe(signal)
          return { ...facts, capabilities: { ...facts.capabilities, bindMounts: false } }
        }
      }
      const { hangAfter } = options
      if (hangAfter) {
        const verb = driver[hangAfter].bind(driver) as (...args: unknown[]) => Promise<unknown>
        const hanging = async (...args: unknown[]) => {
          await verb(...args)
          process.stdout.write(`${JSON.stringify({ hanging: hangAfter })}\n`)
          return new Promise(() => undefined)
        }
        Object.assign(driver, { [hangAfter]: hanging })
      }
      return driver
    },
  }
}

/** Everything of one workspace on the engine, by its id. */
export async function remainsOf(id: string): Promise<string[]> {
  const images = execFileSync('docker', ['images', '--format', '{{.Repository}}'], { encoding: 'utf8' })
  const own = images.split('\n').filter((name) => name.includes(id))
  const label = `label=berth.dev/workspace=${id}`
  const containers = execFileSync('docker', ['ps', '-aq', '--filter', label], { encoding: 'utf8' })
  const all = await berthObjects()
  return [...own, ...containers.split('\n').filter(Boolean), ...all.filter((name) => name.includes(id))]
}

export function git(folder: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Test',
      GIT_AUTHOR_EMAIL: 'test@example.com',
      GIT_COMMITTER_NAME: 'Test',
      GIT_COMMITTER_EMAIL: 'test@example.com',
    },
  })
}

/** A bare repository with one commit of these files on `main`; returns its folder. */
export function repository(parent: string, name: string, files: Readonly<Record<string, string>>): string {
  const work = join(parent, `${name}-work`)
  mkdirSync(work, { recursive: true })
  git(work, 'init', '--quiet', '--initial-branch=main')
  writeFiles(work, files)
  git(work, 'add', '.')
  git(work, 'commit', '--quiet', '--allow-empty', '-m', 'First')
  const bare = join(parent, `${name}.git`)
  git(parent, 'clone', '--quiet', '--bare', work, bare)
  git(bare, 'config', 'uploadpack.allowFilter', 'true')
  return bare
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text, { mode: path.endsWith('.sh') ? 0o755 : 0o644 })
  }
}

export function gitSource(bare: string, branch?: string): Source {
  return {
    kind: 'git',
    url: `file://${bare}`,
    ...(branch === undefined ? {} : { ref: { kind: 'branch', name: branch } }),
  }
}
