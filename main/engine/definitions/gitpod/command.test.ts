import { execFile } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { taskLine } from '../tasks'
import { gitpodCalls } from './command'
import { read } from './read.test-helper'

const run = promisify(execFile)
const name = `berth-test-${process.pid}`
const mark = `/tmp/.gp-sync-${name}_1`

afterEach(() => rmSync(mark, { force: true }))

/** What a task says that runs just that. */
async function said(command: string, shell = '/bin/sh'): Promise<string> {
  const line = taskLine({ command }, { first: true }) ?? ''
  const { stdout } = await run(shell, ['-c', line]).catch((error: { stdout: string }) => error)
  return stdout
}

describe.each(['/bin/sh', '/bin/bash'])('gp in a task, with %s', (shell) => {
  test('gives the address of a port', async () => {
    expect(await said('echo "A=$(gp url 3000)/x $(gp url)"', shell)).toBe(
      'A=http://localhost:3000/x http://localhost\n',
    )
  })

  test('lets tasks wait for each other', async () => {
    const waiting = said(`gp sync-await '${name}/1' && echo done`, shell)
    expect(existsSync(mark)).toBe(false)
    await said(`gp sync-done '${name}/1'`, shell)
    expect(await waiting).toBe(`Waiting for ${name}/1\ndone\n`)
  })

  test('waits for a port', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    try {
      const both = `gp await-port ${port} && gp ports await ${port} && echo there`
      expect(await said(both, shell)).toBe(`Waiting for port ${port}\nWaiting for port ${port}\nthere\n`)
    } finally {
      server.close()
    }
    expect(await said('gp await-port || echo no; gp await-port 80x || echo no', shell)).toBe('no\nno\n')
  })

  test('goes on after what only Gitpod shows, and not after what it cannot do', async () => {
    const shown = 'gp open README.md && gp preview "$(gp url 80)" && gp tasks list && gp ports list'
    expect(await said(`${shown} && echo on; gp stop || echo no`, shell)).toBe('on\nno\n')
    expect(await said('eval $(gp env -e A=1); echo "${A-none}"', shell)).toBe('none\n')
  })

  test('is another one where there is one', async () => {
    expect(await said('gp url 80', shell)).toBe('http://localhost:80\n')
    const line = taskLine({ command: 'gp url 80' }, { first: true }) ?? ''
    const { stdout } = await run(shell, ['-c', `gp() { echo mine; }\n${line}`])
    expect(stdout).toBe('mine\n')
  })
})

describe('a task', () => {
  test('has gp in what it runs with bash', async () => {
    expect(await said(`bash -c 'gp url 80'; gp url 81`, '/bin/bash')).toBe(
      'http://localhost:80\nhttp://localhost:81\n',
    )
  })

  test.each(['x/gp url 80', 'gpg url', 'gp-url', 'echo gp', 'gp is'])(
    'that says %s is as it was',
    (command) => {
      expect(gitpodCalls(command).any).toBe(false)
      expect(taskLine({ command }, { first: true })).toBe(`{\n${command}\n}`)
    },
  )

  test('names what of gp is not here', async () => {
    const reasons = async (command: string) =>
      (await read(`tasks: [{command: '${command}'}]`)).notApplied.map(({ reason }) => reason)
    expect(
      await reasons('gp sync-done a && gp ports await 80 && gp await-port 81 && gp sync-await b'),
    ).toEqual([])
    expect(await reasons('gp url 80')).toEqual([expect.stringMatching(/on localhost/)])
    expect(await reasons('gp sync-done a && gp open b')).toEqual([expect.stringMatching(/only "await-port"/)])
  })
})
