import { execFile } from 'node:child_process'
import { PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { ExecProcess } from '../link/link'
import { startOfTask, typeTask } from './task'

const run = promisify(execFile)

describe('how a task begins', () => {
  test.each(['/bin/bash', '/bin/sh'])(
    'is typed into %s, which knows afterwards what it has set',
    async (shell) => {
      const line = `{\nexport A='tab\there!!'\n} && {\ncat <<EOF\n$A\nEOF\n}`
      const { env, input } = startOfTask({ line, env: { B: 'b' } }, shell, true)
      expect(input.endsWith('\r')).toBe(true)
      const script = `${input.trimEnd()}\necho "$A $B \${BERTH_TASK-unset}"`
      const { stdout } = await run(shell, ['-c', script], { env: { PATH: process.env.PATH, ...env } })
      expect(stdout).toBe('tab\there!!\ntab\there!! b unset\n')
    },
  )

  test('goes to sh where the shell reads another language', () => {
    expect(startOfTask({ line: 'x', env: {} }, '/usr/bin/fish', false)).toEqual({
      env: { BERTH_TASK: 'unset BERTH_TASK\nx' },
      input: ' sh -c "$BERTH_TASK"\r',
      mayPass: false,
    })
  })

  test('is the shell alone where there is nothing to run', async () => {
    const start = startOfTask({ env: { A: 'a' } }, '/bin/bash', true)
    expect(start).toEqual({ env: { A: 'a' }, input: '', mayPass: true })
    await typeTask(start, { stdout: new PassThrough() } as unknown as ExecProcess, () => {
      throw new Error('It was typed into')
    })
  })

  test('waits for the prompt, and is begun when the terminal shows it', async () => {
    const stdout = new PassThrough()
    const order: string[] = []
    const begun = typeTask(
      startOfTask({ line: 'x', env: {} }, '/bin/bash', true),
      { stdout } as unknown as ExecProcess,
      () => order.push('typed'),
    ).then(() => order.push('begun'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(order).toEqual([])
    stdout.write('$ ')
    await expect.poll(() => order).toEqual(['typed'])
    stdout.write(' eval "$BERTH_')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(order).toEqual(['typed'])
    stdout.write('TASK"')
    await begun
    expect(order).toEqual(['typed', 'begun'])
    expect(stdout.listenerCount('data')).toBe(0)
  })
})
