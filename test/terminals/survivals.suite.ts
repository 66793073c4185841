import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Workspace } from '#contract'
import { root } from '../../scripts/setup/folders.mjs'
import type { CuttingProxy } from '../harness/cutting-proxy'
import { TEST_IMAGES } from '../harness/images'
import { startEngine, type TestEngine } from '../ports/engine'
import { expectWhole, heard, LIMIT, startServer, startTalk, talk } from './talk'

/** A target as an engine reaches it, over a way that can be cut, and as a test does, over another one. */
export interface SurvivalPlace {
  readonly kind: 'docker' | 'kubernetes'
  /** For an engine whose target is behind the proxy. */
  readonly env: Readonly<Record<string, string>>
  readonly proxy: CuttingProxy
  /** Runs a command in a workspace, not over the proxy; resolves with what it printed, however it ended. */
  inside(workspace: Workspace, ...command: string[]): Promise<string>
  dispose(): Promise<void>
}

/**
 * How long the network is gone, in seconds. The agent lets a client go that has answered nothing for 120 s (a question
 * each 30 s, and 90 s for the answer), which is the longest of all limits: the engine takes a connection for dead after
 * 20 s of silence, and gives an attempt to make one 20 s, and a question to Docker 30 s.
 */
const LOSS = Number(process.env.BERTH_TEST_LOSS ?? 130)
/** A terminal that is kept, and a port, through what may become of the way to them. */
export function survivals(open: () => Promise<SurvivalPlace>): void {
  let place: SurvivalPlace
  let test: TestEngine
  let workspace: Workspace

  beforeAll(async () => {
    place = await open()
    test = await startEngine(place.env)
    const target = test.engine.collections.targets.list().find(({ kind }) => kind === place.kind)
    workspace = await test.create({
      source: { kind: 'image', image: TEST_IMAGES.debian },
      targetId: target?.id ?? '',
    })
  })
  afterAll(async () => {
    await test?.dispose()
    await place?.dispose()
  })

  /** A target that was away is asked again after 30 s at the latest. */
  const targetIsBack = () =>
    expect.poll(() => test.engine.collections.targets.get(workspace.targetId)?.state, LIMIT).toBe('ready')

  const inside = (...command: string[]) => place.inside(workspace, ...command)
  /** Has the talk end, and waits until all of it is said in the workspace. */
  const endTalk = async (mark: string) => {
    await inside('touch', `/tmp/${mark}`)
    await expect.poll(() => inside('ls', '/tmp'), LIMIT).toContain(`${mark}-told`)
  }

  /** Process ids of those who are with the agent. */
  const bridges = () => inside('pgrep', '-f', 'berth-agent-[0-9a-f]* bridge')

  describe('a machine that sleeps while its connections break', () => {
    it('shows when it wakes all that was printed meanwhile, and types what comes in that moment, once', async () => {
      const asleep = startProcess(place.env, workspace.id, talk('night'))
      try {
        await asleep.until('the beginning', () => heard(asleep.text).numbers.length > 5)
        asleep.type('evening')
        await asleep.until('a word', () => heard(asleep.text).words.length === 1)
        asleep.child.kill('SIGSTOP')
        place.proxy.cut()
        await endTalk('night')
        // It reads this before it knows of anything.
        asleep.type('morning')
        asleep.child.kill('SIGCONT')
        await asleep.until('the end', () => heard(asleep.text).last !== undefined)
        await asleep.until('the word', () => heard(asleep.text).words.length > 1)
        asleep.type('noon')
        await asleep.until('the next word', () => heard(asleep.text).words.length > 2)
        expectWhole(asleep.text, ['evening', 'morning', 'noon'])
        expect(asleep.states.slice(-2)).toEqual(['reconnecting', 'running'])
        expect(await asleep.end()).toBe(0)
      } finally {
        asleep.child.kill('SIGKILL')
      }
    })
  })

  describe(`a network that swallows everything for ${LOSS} s`, () => {
    it('costs a terminal nothing that was printed or typed, and a port its connections alone', {
      timeout: 300_000 + LOSS * 1000,
    }, async () => {
      const server = await startServer(test, workspace, 8123)
      await server.answers()
      const terminal = await startTalk(test, workspace, 'loss')
      terminal.type('before')
      await terminal.hears('before')

      expect(await bridges()).not.toBe('')
      const began = performance.now()
      const restore = place.proxy.lose()
      terminal.type('into')
      await expect.poll(terminal.state, LIMIT).toBe('reconnecting')
      terminal.type('during')
      await sleep(Math.max(LOSS * 1000 - (performance.now() - began), 0))
      // The agent, too, has given up who was there.
      await expect.poll(bridges, LIMIT).toBe('')
      expect(terminal.state()).toBe('reconnecting')
      expect(terminal.words()).toEqual(['before'])
      restore()
      await endTalk('loss')
      await terminal.hears('during')
      terminal.type('after')
      await terminal.hears('after')
      await terminal.wasWhole(['before', 'into', 'during', 'after'])
      await server.answers()
      await terminal.close()
      await targetIsBack()
    })
  })
}

/** An engine in a process of its own: see engine-process.ts. */
function startProcess(
  env: Readonly<Record<string, string>>,
  workspaceId: string,
  command: readonly string[],
) {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    process.execPath,
    [
      join(root, 'scripts/run-typescript.mjs'),
      'test/terminals/engine-process.ts',
      JSON.stringify(env),
      workspaceId,
      JSON.stringify(command),
    ],
    { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] },
  )
  child.stdin.on('error', () => undefined)
  const started = {
    child,
    text: '',
    states: [] as (string | undefined)[],
    type: (line: string) => child.stdin.write(`${line}\n`),
    async until(what: string, condition: () => boolean): Promise<void> {
      await expect
        .poll(
          () =>
            condition() ||
            `${what} did not come; it is ${started.states.at(-1)}, and said ${started.text.slice(-500)}`,
          LIMIT,
        )
        .toBe(true)
    },
    /** Has it end, and resolves with its exit code. */
    async end(): Promise<number | null> {
      const ended = once(child, 'exit') as Promise<[number | null]>
      child.stdin.end()
      return (await ended)[0]
    },
  }
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { text: more = '', ...rest } = JSON.parse(line) as { text?: string; state?: string }
    started.text += more
    if ('state' in rest) started.states.push(rest.state)
  })
  return started
}
