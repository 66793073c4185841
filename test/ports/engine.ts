import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { RequestInput, Workspace } from '#contract'
import { createEngine, createNodePlatform, type Engine } from '../../main/engine'
import type { AgentBinaries } from '../../main/engine/link'
import { Selection, waitFor } from '../../main/engine/platform/collection'

/** A whole engine with folders of its own, over the machine's Docker engine. */
export interface TestEngine {
  readonly engine: Engine
  /** Creates a workspace and waits until it runs. */
  create(input: Omit<RequestInput<'workspaces.create'>, 'name'>): Promise<Workspace>
  act(verb: 'start' | 'stop' | 'restart' | 'rebuild' | 'delete', workspaceId: string): Promise<void>
  /** Runs a command in a workspace to its end. */
  run(workspaceId: string, ...command: string[]): Promise<string>
  /** Follows a workspace that it did not create. */
  follow(workspaceId: string): void
  /** Starts a program that goes on; returns once it was started. */
  background(workspaceId: string, script: string): Promise<void>
  /** Ends the engine, and leaves what it has created. */
  leave(): Promise<void>
  /** Deletes what was created. */
  dispose(): Promise<void>
}

/** What a workspace gets where everything is to go without an agent in it. */
export const NO_AGENTS: AgentBinaries = {
  facts: async () => undefined,
  read: () => Promise.reject(new Error('there is none')),
}

/** `env` names the Docker engine, where it is not the machine's own. */
export async function startEngine(
  env: Readonly<Record<string, string>> = {},
  agents?: AgentBinaries,
  keepsTerminals = true,
): Promise<TestEngine> {
  const home = mkdtempSync(join(tmpdir(), 'berth-ports-'))
  const platform = createNodePlatform({
    version: '0.0.0',
    resources: resolve('resources'),
    env: { PATH: process.env.PATH, HOME: home, ...env },
  })
  const { terminal } = platform.settings.get()
  await platform.settings.change({ routerPort: 0, terminal: { ...terminal, keep: keepsTerminals } })
  // On a machine that others use too: their workspaces' ports are none of ours.
  const followed = new Selection()
  const engine = createEngine({ platform, followed, ...(agents && { agents }) })
  await engine.settled
  const created = new Set<string>()

  const finished = async (operationId: string) => {
    const ended = await waitFor(
      engine.collections.operations,
      operationId,
      (operation) => operation !== undefined && operation.state !== 'running',
      AbortSignal.timeout(120_000),
    )
    if (ended?.state !== 'succeeded') throw new Error(JSON.stringify(ended?.problem ?? ended, null, 2))
  }
  const test: TestEngine = {
    engine,
    async create(input) {
      const { operationId, workspaceId } = await engine.call('workspaces.create', {
        ...input,
        name: `test-${randomBytes(4).toString('hex')}`,
      })
      created.add(workspaceId)
      followed.add(workspaceId)
      await finished(operationId)
      const workspace = await waitFor(
        engine.collections.workspaces,
        workspaceId,
        (found) => found?.state === 'running',
        AbortSignal.timeout(60_000),
      )
      if (!workspace) throw new Error('no workspace')
      return workspace
    },
    async act(verb, workspaceId) {
      const { operationId } = await engine.call(`workspaces.${verb}`, { workspaceId })
      await finished(operationId)
    },
    async run(workspaceId, ...command) {
      const process = await engine.links.get(workspaceId).exec({ command })
      process.stdin.end()
      const [out, complaint] = await Promise.all([
        text(process.stdout),
        process.stderr ? text(process.stderr) : '',
      ])
      const { code } = await process.exit
      if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${out}${complaint}`)
      return out
    },
    follow: (workspaceId) => followed.add(workspaceId),
    async background(workspaceId, script) {
      await test.run(workspaceId, 'sh', '-c', `(${script}) >/tmp/background.log 2>&1 </dev/null &`)
    },
    async leave() {
      await engine.dispose()
      rmSync(home, { recursive: true, force: true })
    },
    async dispose() {
      for (const id of created) {
        if (!engine.collections.workspaces.get(id)) continue
        await test.act('delete', id)
      }
      await test.leave()
    },
  }
  return test
}
