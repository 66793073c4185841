import { readFileSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type Credential, Grant, problem, type Workspace } from '#contract'
import { Collection, type ReadonlyCollection } from '../../platform/collection'
import { makeFolder } from '../../platform/make-folder'
import type { Platform } from '../../platform/platform'

const File = z.strictObject({ version: z.literal(1), grants: z.array(Grant).max(10_000) })

/** Of one workspace, and what it is on. */
export type Place = Pick<Workspace, 'id' | 'targetId'>

/**
 * What workspaces are given without a question: the user's word, in a file of its own that every Berth process reads
 * anew each time, so that what is taken back in one is at once taken back in all. What cannot be read grants nothing.
 */
export class Grants {
  readonly #file: string
  readonly #platform: Platform
  readonly #records = new Collection<Grant>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(platform: Platform) {
    this.#platform = platform
    this.#file = join(platform.folders.config, 'credentials.json')
    this.#tell(this.#parse(() => readFileSync(this.#file, 'utf8')))
  }

  get records(): ReadonlyCollection<Grant> {
    return this.#records
  }

  /** Whether the user has allowed it for good. Never rejects. */
  async has(place: Place, credential: Credential): Promise<boolean> {
    const grants = await this.#load()
    this.#tell(grants)
    const grant = grants.find(({ id }) => id === place.id)
    if (grant?.targetId !== place.targetId) return false
    return credential.kind === 'git' ? grant.git.includes(credential.origin) : grant[credential.kind]
  }

  /** Rejects with a `ProblemError` where it cannot be remembered. */
  allow(place: Place, credential: Credential): Promise<void> {
    return this.#change((grants) => {
      const others = grants.filter(({ id }) => id !== place.id)
      const known = grants.find(({ id, targetId }) => id === place.id && targetId === place.targetId)
      const grant = known ?? { id: place.id, targetId: place.targetId, git: [], ssh: false, gpg: false }
      return [...others, including(grant, credential)]
    })
  }

  /** Rejects likewise. */
  revoke(workspaceId: string, credential: Credential): Promise<void> {
    return this.#change((grants) =>
      grants.flatMap((grant) => {
        if (grant.id !== workspaceId) return [grant]
        const left = without(grant, credential)
        return left.ssh || left.gpg || left.git.length > 0 ? [left] : []
      }),
    )
  }

  /** Of a workspace that is no more. */
  forget(workspaceId: string): Promise<void> {
    if (!this.#records.get(workspaceId)) return Promise.resolve()
    return this.#change((grants) => grants.filter(({ id }) => id !== workspaceId))
  }

  /** As the file says now. Never rejects. */
  async #load(): Promise<readonly Grant[]> {
    try {
      const text = await readFile(this.#file, 'utf8')
      return this.#parse(() => text)
    } catch (error) {
      return this.#parse(() => {
        throw error
      })
    }
  }

  #parse(read: () => string): readonly Grant[] {
    try {
      return File.parse(JSON.parse(read())).grants
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#platform.logger.warn('What workspaces may have cannot be read', { file: this.#file })
      return []
    }
  }

  #tell(grants: readonly Grant[]): void {
    this.#records.together(() => {
      for (const { id } of this.#records.list())
        if (!grants.some((grant) => grant.id === id)) this.#records.delete(id)
      for (const grant of grants) {
        if (JSON.stringify(this.#records.get(grant.id)) !== JSON.stringify(grant)) this.#records.set(grant)
      }
    })
  }

  /** One change after another, each on what the file says then. */
  #change(change: (grants: readonly Grant[]) => readonly Grant[]): Promise<void> {
    const done = this.#turn.then(async () => {
      const grants = change(await this.#load())
      await this.#write(grants)
      this.#tell(grants)
    })
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #write(grants: readonly Grant[]): Promise<void> {
    const temporary = `${this.#file}.${process.pid}.new`
    try {
      await makeFolder(this.#platform.folders.config, 0o700)
      await writeFile(temporary, `${JSON.stringify({ version: 1, grants }, null, 2)}\n`, { mode: 0o600 })
      await rename(temporary, this.#file)
    } catch (error) {
      throw problem(
        {
          code: 'settings-invalid',
          title: 'The answer could not be remembered',
          cause: error instanceof Error ? error.message : String(error),
          remedy: `Check that ${this.#platform.folders.config} can be written.`,
        },
        error,
      )
    }
  }
}

function including(grant: Grant, credential: Credential): Grant {
  if (credential.kind !== 'git') return { ...grant, [credential.kind]: true }
  return { ...grant, git: [...new Set([...grant.git, credential.origin])].sort() }
}

function without(grant: Grant, credential: Credential): Grant {
  if (credential.kind !== 'git') return { ...grant, [credential.kind]: false }
  return { ...grant, git: grant.git.filter((origin) => origin !== credential.origin) }
}
