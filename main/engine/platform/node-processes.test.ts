import { describe, expect, it } from 'vitest'
import { nodeProcesses } from './node-processes'

const node = process.execPath

describe('nodeProcesses', () => {
  it('returns what a program printed, and its exit code', async () => {
    const script = 'process.stdin.pipe(process.stdout); process.stderr.write("oops"); process.exitCode = 3'
    const result = await nodeProcesses.run(node, ['-e', script], { input: 'hello' })
    expect(result).toEqual({ code: 3, stdout: 'hello', stderr: 'oops' })
  })

  it('says so when a program does not exist', async () => {
    const result = await nodeProcesses.run('/no/such/program', [])
    expect(result.code).toBeNull()
    expect(result.error?.code).toBe('ENOENT')
  })

  it('passes the environment as given and nothing else', async () => {
    const result = await nodeProcesses.run(node, ['-p', 'process.env.GIVEN + process.env.HOME'], {
      env: { GIVEN: 'yes' },
    })
    expect(result.stdout.trim()).toBe('yesundefined')
  })

  it.skipIf(process.platform === 'win32')('ends a whole group on abort', async () => {
    const controller = new AbortController()
    const running = nodeProcesses.spawn('sh', ['-c', 'sleep 1000 & echo started; wait'], {
      signal: controller.signal,
      group: true,
    })
    await new Promise((resolve) => running.stdout.once('data', resolve))
    controller.abort()
    // `sleep` holds the shell's stdout, so this resolves only once it is gone too.
    expect(await running.exit).toMatchObject({ code: null, signal: 'SIGTERM' })
  })

  it.skipIf(process.platform === 'win32')(
    'ends by force what stays of a group whose leader ended when asked',
    async () => {
      const controller = new AbortController()
      const running = nodeProcesses.spawn('sh', ['-c', '(trap "" TERM; echo started; sleep 1000) & wait'], {
        signal: controller.signal,
        group: true,
      })
      await new Promise((resolve) => running.stdout.once('data', resolve))
      controller.abort()
      expect(await running.exit).toMatchObject({ code: null, signal: 'SIGTERM' })
    },
  )

  it('does not start what was aborted before', async () => {
    const result = await nodeProcesses.run(node, ['-e', 'setTimeout(() => {}, 100000)'], {
      signal: AbortSignal.abort(),
    })
    expect(result.code).toBeNull()
  })
})
