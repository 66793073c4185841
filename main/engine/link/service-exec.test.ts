import { describe, expect, it } from 'vitest'
import { emptyDefinition, type Service } from '#contract'
import { prepareServiceExec } from './service-exec'

const service = (name: string, more: Partial<Service>): Service => ({
  ...{ name, image: 'x', env: {}, mounts: [], ports: [], aliases: [], dependsOn: [], restart: 'always' },
  ...more,
})

const workspace = {
  definition: {
    ...emptyDefinition('app'),
    remoteEnv: { OF_USER: 'x' },
    services: [service('db', {}), service('web', { sourceFolder: '/src/app', workingFolder: '/srv' })],
  },
}

describe('a command in a service', () => {
  it('is left as it is, with nothing of the workspace’s user', () => {
    expect(prepareServiceExec(workspace, 'db', { command: ['psql'], probed: true })).toEqual({
      command: ['psql'],
      service: 'db',
      env: {},
    })
  })

  it('has the user, folder and variables that are asked for', () => {
    const asked = { command: ['ls'], user: 'postgres', cwd: '/var', env: { A: 'b' } }
    expect(prepareServiceExec(workspace, 'db', asked)).toEqual({ ...asked, service: 'db' })
  })

  it.each([
    ['db', 'data', '/data'],
    ['web', 'html', '/srv/html'],
    ['web', '../etc', '/etc'],
  ])('in %s begins a relative folder, %s, where the service works', (name, cwd, folder) => {
    expect(prepareServiceExec(workspace, name, { command: ['ls'], cwd }).cwd).toBe(folder)
  })

  it('has a shell and the name of a terminal in one', () => {
    const tty = { columns: 80, rows: 24 }
    const prepared = prepareServiceExec(workspace, 'db', { shell: 'login', tty, env: { COLORTERM: '' } })
    expect(prepared).toMatchObject({ tty, env: { TERM: 'xterm-256color', COLORTERM: '' } })
    expect(prepared.command.slice(0, 2)).toEqual(['/bin/sh', '-c'])
  })

  it('needs a service that there is', () => {
    expect(() => prepareServiceExec(workspace, 'redis', { command: ['ls'] })).toThrow(
      expect.objectContaining({
        problem: expect.objectContaining({ code: 'not-found', cause: 'The workspace has db, web.' }),
      }),
    )
  })
})
