import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { VariableName } from '#contract'
import { makeFolder } from '../platform/make-folder'
import type { Platform } from '../platform/platform'

const Names = z.array(VariableName).max(1_000)

/**
 * The names of what was given for one creation alone, of workspaces whose target keeps no secret: their values are gone
 * after a stop, and whoever starts them is told. Names alone, a file for each workspace.
 */
export class GivenNames {
  readonly #platform: Platform
  readonly #folder: string

  constructor(platform: Platform) {
    this.#platform = platform
    this.#folder = join(platform.folders.state, 'given')
  }

  #file(workspaceId: string): string | undefined {
    return /^[a-z0-9]{1,40}$/.test(workspaceId) ? join(this.#folder, `${workspaceId}.json`) : undefined
  }

  /** None where nothing is known. Never rejects. */
  async of(workspaceId: string): Promise<readonly string[]> {
    const file = this.#file(workspaceId)
    if (file === undefined) return []
    try {
      return Names.parse(JSON.parse(await readFile(file, 'utf8')))
    } catch {
      return []
    }
  }

  /** In place of those before; none: nothing is kept. Never rejects: it is for a message. */
  async keep(workspaceId: string, names: readonly string[]): Promise<void> {
    const file = this.#file(workspaceId)
    if (file === undefined) return
    try {
      if (names.length === 0) {
        await rm(file, { force: true })
        return
      }
      await makeFolder(this.#folder, 0o700)
      await writeFile(file, JSON.stringify([...new Set(names)].sort()), { mode: 0o600 })
    } catch (error) {
      this.#platform.logger.warn('The names of what was given cannot be kept', { error: String(error) })
    }
  }

  /** Whether it was there. */
  async drop(workspaceId: string, name: string): Promise<boolean> {
    const names = await this.of(workspaceId)
    if (!names.includes(name)) return false
    await this.keep(
      workspaceId,
      names.filter((one) => one !== name),
    )
    return true
  }
}
