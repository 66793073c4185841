import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Definition, imageDefinition } from '#contract'
import type { Link } from '../link/link'
import { startLocalProcess } from '../platform/local-process.suite'
import { createNodePlatform } from '../platform/node'
import { runPhase, splitPhases, workspacePhases } from './commands'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-commands-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A workspace that is this machine: commands run as processes of it. */
function localLink(): Pick<Link, 'workspaceId' | 'exec'> {
  return {
    workspaceId: 'abcdefghij',
    async exec(options) {
      const command = 'command' in options ? (options.command ?? []) : []
      const { child, exit, kill } = await startLocalProcess(command, { env: process.env, cwd: folder })
      return {
        stdin: child.stdin,
        stdout: child.stdout,
        stderr: child.stderr,
        exit,
        resize: async () => undefined,
        kill: async () => kill(),
        destroy: kill,
      }
    },
  }
}

const withCommands: Definition = {
  ...imageDefinition('x', 'app'),
  lifecycle: { postCreateCommand: 'echo own >> order' },
  contributedLifecycle: [
    { origin: 'r.test/n/a', lifecycle: { postCreateCommand: 'echo a >> order', onCreateCommand: 'true' } },
    { origin: 'r.test/n/b', lifecycle: { postCreateCommand: { x: ['sh', '-c', 'echo b >> order'] } } },
  ],
}

async function run(definition: Definition): Promise<string> {
  let output = ''
  const report = {
    detail: () => undefined,
    progress: () => undefined,
    result: () => undefined,
    output: (text: string) => {
      output += text
    },
  }
  const platform = createNodePlatform({
    version: '0.0.0',
    resources: folder,
    env: { HOME: folder, VALUE: 'of-this-machine' },
  })
  const { signal } = new AbortController()
  await runPhase('postCreateCommand', definition, localLink() as Link, platform, true, report, signal)
  return output
}

describe('lifecycle commands', () => {
  it('of Features run before those of the definition, one after the other', async () => {
    const output = await run(withCommands)
    expect(readFileSync(join(folder, 'order'), 'utf8')).toBe('a\nb\nown\n')
    expect(output).toBe('From r.test/n/a\nFrom r.test/n/b\n')
  })

  it('are phases also where only a Feature has something to do', () => {
    expect(splitPhases(withCommands, workspacePhases)).toEqual({
      before: ['onCreateCommand'],
      after: ['postCreateCommand'],
    })
  })

  it('that fail say whose they are, and keep the others from running', async () => {
    const failing: Definition = {
      ...withCommands,
      contributedLifecycle: [
        { origin: 'r.test/n/a', lifecycle: { postCreateCommand: 'echo oh no; exit 3' } },
        ...(withCommands.contributedLifecycle ?? []),
      ],
    }
    await expect(run(failing)).rejects.toMatchObject({
      problem: {
        code: 'lifecycle-failed',
        title: 'postCreateCommand of r.test/n/a failed',
        cause: '“echo oh no; exit 3” ended with exit code 3.',
        detail: expect.stringContaining('oh no'),
      },
    })
    expect(() => readFileSync(join(folder, 'order'))).toThrow(/ENOENT/)
  })

  it('are shown as they are written, without the values of this machine that are put into them', async () => {
    const filled = ['sh', '-c', 'echo "$1" > got; exit 3', 'x', '${localEnv:VALUE}']
    const failing: Definition = { ...imageDefinition('x', 'app'), lifecycle: { postCreateCommand: filled } }
    await expect(run(failing)).rejects.toMatchObject({
      problem: { cause: `“${filled.join(' ')}” ended with exit code 3.` },
    })
    expect(readFileSync(join(folder, 'got'), 'utf8')).toBe('of-this-machine\n')
  })
})
