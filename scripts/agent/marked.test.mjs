import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { endMarked, mark, markedProcesses } from './marked.mjs'

it.runIf(process.platform === 'linux')('what a run has started is ended, and nothing else', async () => {
  const runs = [randomUUID(), randomUUID()]
  const [ours, other] = runs.map((run) => {
    const child = spawn('sleep', ['300'], { env: { ...process.env, [mark]: run }, detached: true })
    return { child, ended: new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal))) }
  })
  try {
    await Promise.all([ours, other].map((one) => new Promise((resolve) => one?.child.once('spawn', resolve))))
    expect(markedProcesses(runs[0] ?? '')).toEqual([{ pid: ours?.child.pid, command: 'sleep 300' }])
    endMarked(runs[0] ?? '')
    expect(await ours?.ended).toBe('SIGKILL')
    expect(other?.child.exitCode).toBeNull()
    expect(markedProcesses(runs[0] ?? '')).toEqual([])
  } finally {
    other?.child.kill('SIGKILL')
  }
  expect(await other?.ended).toBe('SIGKILL')
})
