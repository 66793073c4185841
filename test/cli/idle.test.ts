import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ActionDocument, IdleDocument, ListDocument, ProblemDocument } from '../../cli/documents'
import { command } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { type CommandLine, commandLine, uniqueName } from './berth'

let berth: CommandLine
beforeAll(async () => {
  berth = await commandLine()
})
afterAll(() => berth?.dispose())

const idle = (name: string, ...args: string[]) => berth.json(IdleDocument, ['idle', name, ...args])
const notesOf = async (id: string) => {
  const filters = ['--filter', `label=berth.dev/workspace=${id}`, '--filter', 'label=berth.dev/volume=notes']
  return (await command('docker', ['volume', 'ls', '-q', ...filters])).split('\n').filter(Boolean)
}

describe('berth idle', () => {
  it('shows, changes and takes back what the target keeps', async () => {
    const name = uniqueName('idle')
    try {
      const made = await berth.json(ActionDocument, [
        ...['up', '--image', TEST_IMAGES.debian, '--name', name],
        ...['--idle', '30m', '--idle-while-closed'],
      ])
      expect(made.workspace?.idle).toEqual({ minutes: 30, whileClosed: true })
      const id = made.workspace?.id ?? ''

      const first = await idle(name)
      expect(first).toMatchObject({
        workspace: { id, name },
        policy: { minutes: 30, whileClosed: true, keepUntil: null },
        // Its main process is its terminals' user's own.
        onlyWhileOpen: null,
        lastStop: null,
      })
      expect(first.activity?.reason).toMatch(/^\w/)
      expect(Date.parse(first.stopsAt ?? '')).toBeGreaterThan(Date.now() + 25 * 60_000)

      await berth.run(['exec', name, '--', 'true'])
      expect((await idle(name)).activity?.reason).toBe('Ran true')

      expect((await idle(name, '2h')).policy).toEqual({ minutes: 120, whileClosed: true, keepUntil: null })
      expect((await idle(name, '--no-while-closed')).policy).toMatchObject({
        minutes: 120,
        whileClosed: false,
      })
      const kept = await idle(name, '--keep', '4h')
      expect(Date.parse(kept.policy?.keepUntil ?? '')).toBeGreaterThan(Date.now() + 3.9 * 3_600_000)
      expect(await notesOf(id)).toHaveLength(1)
      const listed = await berth.json(ListDocument, ['list'])
      expect(listed.workspaces.find((workspace) => workspace.id === id)?.idle?.minutes).toBe(120)

      // A rebuild replaces the container, and keeps this.
      expect((await berth.json(ActionDocument, ['rebuild', name, '-y'])).workspace?.idle?.minutes).toBe(120)
      expect(await idle(name, 'off')).toMatchObject({ policy: null, stopsAt: null })
      expect(await notesOf(id)).toEqual([])
      const { code, stdout } = await berth.run(['idle', name])
      expect([code, stdout.toString().split('\n')[1]]).toEqual([0, 'It is never stopped by itself.'])

      await idle(name, '1h')
      await berth.run(['delete', name, '-y'])
      expect(await notesOf(id)).toEqual([])
    } finally {
      await berth.run(['delete', name, '-y'])
    }
  })

  it('says where a consent comes to nothing', async () => {
    const name = uniqueName('other-user')
    const folder = join(berth.home, 'project')
    await mkdir(join(folder, '.devcontainer'), { recursive: true })
    // The container's own process is root's, and terminals are another user's.
    const definition = { image: TEST_IMAGES.debian, containerUser: 'root', remoteUser: 'dev' }
    await writeFile(join(folder, '.devcontainer', 'devcontainer.json'), JSON.stringify(definition))
    try {
      await berth.run(['up', folder, '--name', name])
      const { code, stderr } = await berth.run(['idle', name, '30m', '--while-closed'])
      expect([code, stderr]).toEqual([
        0,
        expect.stringContaining(
          'while a Berth is open: its main process belongs to another user than its terminals',
        ),
      ])
      expect((await idle(name)).onlyWhileOpen).toBe(
        'Its main process belongs to another user than its terminals',
      )
    } finally {
      await berth.run(['delete', name, '-y'])
    }
  })

  it.each([
    ['a time that is none', ['idle', 'any', 'soon'], 1],
    ['hours that are too many', ['idle', 'any', '--keep', '1000h'], 2],
    ['a consent without a time', ['up', '--image', 'x', '--idle-while-closed'], 2],
    ['a workspace that is not there', ['idle', 'no-such-workspace-here', '30m'], 1],
  ])('refuses %s', async (_what, args, code) => {
    const ended = await berth.run([...args, '--json'])
    expect(ended.code).toBe(code)
    expect(ProblemDocument.parse(JSON.parse(ended.stdout.toString())).problem.title).not.toBe('')
  })
})
