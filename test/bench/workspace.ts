import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Definition, RequestName, Workspace } from '#contract'
import { createEngine, createNodePlatform, type Engine } from '../../main/engine'
import { waitFor } from '../../main/engine/platform/collection'
import { command } from '../harness/command'
import { TEST_IMAGES, type TestImage } from '../harness/images'

/** The engine as it is built, over the machine's own Docker or another target, with a home of its own. */
export interface BenchEngine {
  readonly engine: Engine
  /** Its home folder on this machine. */
  readonly home: string
  /** A running workspace of an image; removed by `dispose`. */
  workspace(image?: TestImage): Promise<BenchWorkspace>
  /** Runs a lifecycle action to its end; rejects when it fails. */
  act<N extends Extract<RequestName, `workspaces.${'create' | 'delete' | 'start' | 'stop'}`>>(
    name: N,
    input: Parameters<Engine['call']>[1],
  ): Promise<string>
  dispose(): Promise<void>
}

export interface BenchWorkspace {
  readonly id: string
  readonly name: string
  /** Name of its container, or of its pod. */
  readonly container: string
  readonly definition: Definition
}

export interface EngineOptions {
  /** Where workspaces are made. Absent: on the machine's Docker. */
  readonly targetId?: string
  /** What the engine's environment has besides this process's own. */
  readonly env?: Readonly<Record<string, string>>
}

export async function openEngine({ targetId, env = {} }: EngineOptions = {}): Promise<BenchEngine> {
  const home = await mkdtemp(join(tmpdir(), 'berth-bench-'))
  const { XDG_CONFIG_HOME: _c, XDG_STATE_HOME: _s, XDG_CACHE_HOME: _h, ...own } = process.env
  const platform = createNodePlatform({
    version: 'bench',
    resources: join(process.cwd(), 'resources'),
    env: { ...own, ...env, HOME: home },
  })
  const engine = createEngine({ platform })
  await engine.settled
  const made: string[] = []

  const act: BenchEngine['act'] = async (name, input) => {
    const { operationId, workspaceId } = await engine.call(name, input as never)
    const ended = await waitFor(
      engine.collections.operations,
      operationId,
      (record) => record?.state !== 'running',
    )
    if (ended?.state !== 'succeeded')
      throw new Error(`${name} failed: ${ended?.problem?.title}: ${ended?.problem?.cause}`)
    return workspaceId
  }

  return {
    engine,
    home,
    act,
    async workspace(image = 'debian') {
      const name = benchName()
      const source = { kind: 'image' as const, image: TEST_IMAGES[image] }
      const id = await act('workspaces.create', { source, name, ...(targetId !== undefined && { targetId }) })
      made.push(id)
      const workspace = await waitFor(
        engine.collections.workspaces,
        id,
        (record) => record?.state === 'running',
      )
      return { id, name, container: containerOf(workspace), definition: (workspace as Workspace).definition }
    },
    async dispose() {
      for (const workspaceId of made)
        if (engine.collections.workspaces.get(workspaceId)) await act('workspaces.delete', { workspaceId })
      await engine.dispose()
      await rm(home, { recursive: true, force: true })
    },
  }
}

export function benchName(): string {
  return `bench-${randomBytes(4).toString('hex')}`
}

function containerOf(workspace: Workspace | undefined): string {
  if (!workspace?.instance) throw new Error('the workspace has no container')
  return workspace.instance
}

/** Runs a command in a container with plain docker, as root. */
export function inContainer(container: string, script: string): Promise<string> {
  return command('docker', ['exec', '-u', '0', container, 'sh', '-c', script])
}
