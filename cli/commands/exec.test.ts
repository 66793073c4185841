import { describe, expect, it } from 'vitest'
import type { Workspace } from '#contract'
import type { Engine } from '../../main/engine/engine'
import { Collection } from '../../main/engine/platform/collection'
import type { CommandContext } from '../execute'
import { UsageError } from '../exit-codes'
import { exitCode, parseEnvironment } from './exec'

describe('parseEnvironment', () => {
  it('takes values from the entry, or from here', () => {
    expect(parseEnvironment(['A=1=2', 'HOME', 'NOT_HERE', 'E='], { HOME: '/root' })).toEqual({
      A: '1=2',
      HOME: '/root',
      E: '',
    })
  })

  it('refuses a value without a name', () => {
    expect(() => parseEnvironment(['=x'], {})).toThrow(UsageError)
  })
})

describe('exitCode', () => {
  const workspace = { id: 'one', name: 'demo', state: 'running', incarnation: '1' } as unknown as Workspace
  const open = () => {
    const workspaces = new Collection<Workspace>()
    workspaces.set(workspace)
    const said: string[] = []
    const written: string[] = []
    const context = {
      console: { stderr: { write: (text: string) => written.push(text) }, stderrIsCapable: false },
      signal: new AbortController().signal,
      say: (line: string) => said.push(line.trim()),
    } as unknown as CommandContext
    const engine = { collections: { workspaces } } as unknown as Engine
    const code = (exit: { code: number | null }) =>
      exitCode(context, engine, workspace, { exit, left: false })
    return { code, said, workspaces, written }
  }

  it.each([null, 137])('says that the workspace was deleted where a command ends with %s', async (ended) => {
    const { code, said, workspaces, written } = open()
    const ending = code({ code: ended })
    workspaces.delete('one')
    expect(await ending).toBe(137)
    expect([said, written]).toEqual([['demo was deleted.'], []])
  })

  it('is one of its own where the command was lost and the workspace goes on', async () => {
    const { code, said, written } = open()
    expect(await code({ code: null })).toBe(125)
    expect([said, written]).toEqual([[], [expect.stringContaining('connection to the command was lost')]])
    expect(await code({ code: 7 })).toBe(7)
  })
})
