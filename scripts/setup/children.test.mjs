import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { attend, endAll } from './children.mjs'

/** @param {string} mark */
const alive = (mark) => spawnSync('ps', ['-eo', 'args='], { encoding: 'utf8' }).stdout.includes(mark)

it('passes the exit code on', async () => {
  expect(await attend('sh', ['-c', 'exit 7'])).toBe(7)
})

it('says 1 for what cannot be started', async () => {
  expect(await attend('/nonexistent/program', [])).toBe(1)
})

it('ends what takes too long, with all that it started', async () => {
  const mark = `sleep 31${process.pid}`
  expect(await attend('sh', ['-c', `${mark} & ${mark}; true`], { timeout: 200 })).toBe(124)
  await expect.poll(() => alive(mark)).toBe(false)
})

it('ends all at once when asked to', async () => {
  const mark = `sleep 32${process.pid}`
  const code = attend('sh', ['-c', `${mark} & wait`])
  await expect.poll(() => alive(mark)).toBe(true)
  await endAll()
  expect(await code).toBe(1)
  await expect.poll(() => alive(mark)).toBe(false)
})
