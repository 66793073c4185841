import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { root } from '../../scripts/setup/folders.mjs'
import type { BerthApp } from './launch'

/** After a test that failed: what its window showed and what the app wrote, into test-results/. */
export function pictureFailures(berth: () => BerthApp | undefined): void {
  afterEach(async ({ task }) => {
    const one = berth()
    if (task.result?.state !== 'fail' || !one) return
    const folder = join(root, 'test-results')
    await mkdir(folder, { recursive: true })
    const path = join(folder, task.name.replaceAll(/[^a-zA-Z0-9]+/g, '-').slice(0, 80))
    await writeFile(`${path}.log`, one.log())
    const page = one.app.windows().at(-1)
    // A window that has just crashed or closed has no picture; the test's own error matters more.
    await page?.screenshot({ path: `${path}.png`, timeout: 10_000 }).catch(() => undefined)
  })
}
