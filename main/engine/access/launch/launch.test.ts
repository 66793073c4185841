import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ProblemError, Workspace } from '#contract'
import type { Links } from '../../link/link'
import { nodeProcesses } from '../../platform/node-processes'
import type { Platform } from '../../platform/platform'
import type { SshConfig } from '../ssh-config'
import { createOpeners } from '.'
import type { Machine } from './programs'

const isPosix = process.platform !== 'win32'
const never = new AbortController().signal
const workspace = {
  id: 'w123456789',
  name: 'demo',
  definition: { workspaceFolder: '/workspaces/demo' },
} as unknown as Workspace

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-launch-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Openers on a machine whose programs are these, by what they are called. */
function openers(programs: Readonly<Record<string, string>>) {
  const isProgram = async (path: string) => Object.values(programs).includes(path)
  const machine: Machine = { platform: 'linux', env: { PATH: folder }, home: folder, isProgram }
  return createOpeners({
    platform: { processes: nodeProcesses } as unknown as Platform,
    links: {} as Links,
    sshConfig: { prepare: async () => ({ config: join(folder, 'config') }) } as unknown as SshConfig,
    machine,
    hostOf: () => 'demo.berth',
    forward: async () => 'http://8080-demo.localhost/',
  })
}

function program(name: string, script: string): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return path
}

describe('what a workspace can be opened in', () => {
  it('is what is there, and the browser in any case', async () => {
    expect(await openers({}).list()).toEqual([
      { id: 'browser', name: 'Editor in the browser', needsSshConfig: false },
    ])
    const two = openers({ zed: join(folder, 'zed'), xterm: join(folder, 'xterm') })
    expect((await two.list()).map(({ id, needsSshConfig }) => [id, needsSshConfig])).toEqual([
      ['zed', true],
      ['terminal', false],
      ['browser', false],
    ])
  })

  it.skipIf(!isPosix)('is started with where to go', async () => {
    const told = join(folder, 'told')
    const code = program('code', `printf '%s\\n' "$@" > ${told}.part; mv ${told}.part ${told}`)
    expect(await openers({ code }).open(workspace, 'vscode', never)).toEqual({})
    await expect
      .poll(() => readFileSync(told, 'utf8'))
      .toBe('--folder-uri\nvscode-remote://ssh-remote+demo.berth/workspaces/demo\n')
  })

  it('is said to be gone, or to be broken', async () => {
    const codeOf = (error: ProblemError) => error.problem.code
    expect(await openers({}).open(workspace, 'vscode', never).catch(codeOf)).toBe('not-found')
    const missing = openers({ code: join(folder, 'code') })
    expect(await missing.open(workspace, 'vscode', never).catch(codeOf)).toBe('exec-failed')
  })
})
