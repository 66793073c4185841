import { randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { problem, type VariableFacts, VariableName, type VariableScope, VariableValue } from '#contract'
import { makeFolder } from '../platform/make-folder'
import type { Platform } from '../platform/platform'
import { projectKey } from './project'

const Entry = z.union([
  z.strictObject({ value: VariableValue }),
  /** Of a secret: what the keychain has it by. Another one after each change, so that no old value is taken for it. */
  z.strictObject({ key: z.string().min(1).max(200) }),
])
type Entry = z.infer<typeof Entry>

const Entries = z.record(VariableName, Entry)
const File = z.strictObject({
  version: z.literal(1),
  /** Tells what this machine put into a workspace from what others did. */
  origin: z.uuid(),
  user: Entries,
  projects: z.record(z.string(), Entries),
  workspaces: z.record(z.string(), Entries),
})
type File = z.infer<typeof File>

/** A value by its name, and whether it is to be hidden. */
export interface Value {
  readonly value: string
  readonly secret: boolean
}

/** What holds in a workspace, and the names of secrets that could not be had, with why. */
export interface Resolved {
  readonly values: ReadonlyMap<string, Value>
  readonly unreadable: ReadonlyMap<string, unknown>
}

/**
 * The user's variables: plain ones in a file that every Berth process reads anew each time, secrets in the keychain and
 * by name alone in that file.
 */
export class VariableStore {
  readonly #platform: Platform
  readonly #file: string
  /** Secrets that were read, by their keys: the keychain is asked for each once. */
  readonly #known = new Map<string, string>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(platform: Platform) {
    this.#platform = platform
    this.#file = join(platform.folders.config, 'variables.json')
  }

  async list(scope: VariableScope): Promise<VariableFacts[]> {
    const entries = entriesOf(await this.#load(), scope)
    return Object.entries(entries)
      .map(([name, entry]) =>
        'key' in entry ? { name, secret: true } : { name, secret: false, value: entry.value },
      )
      .sort((left, right) => (left.name < right.name ? -1 : 1))
  }

  /** Rejects with `keychain-unavailable` or `settings-invalid`; all is as before then. */
  async set(scope: VariableScope, name: string, { value, secret }: Value): Promise<void> {
    let entry: Entry = { value }
    if (secret) {
      const key = `variable-${randomUUID()}`
      await this.#platform.keychain.set(key, value, `Berth: ${name}`)
      this.#known.set(key, value)
      entry = { key }
    }
    try {
      await this.#change(
        (file) => changed(file, scope, (entries) => ({ ...entries, [name]: entry })),
        [scope, name],
      )
    } catch (error) {
      await this.#drop(entry)
      throw error
    }
  }

  /** Whether there was one. */
  async remove(scope: VariableScope, name: string): Promise<boolean> {
    if (!Object.hasOwn(entriesOf(await this.#load(), scope), name)) return false
    await this.#change(
      (file) =>
        changed(file, scope, (entries) =>
          Object.fromEntries(Object.entries(entries).filter(([each]) => each !== name)),
        ),
      [scope, name],
    )
    return true
  }

  /** Of a workspace that is no more. */
  async forget(workspaceId: string): Promise<void> {
    const scope = { kind: 'workspace', workspaceId } as const
    for (const { name } of await this.list(scope)) await this.remove(scope, name)
  }

  /**
   * What these scopes say together; later ones win. A secret that the keychain does not give is named, and one of an
   * earlier scope does not take its place.
   */
  async resolve(scopes: readonly VariableScope[]): Promise<Resolved> {
    const file = await this.#load()
    const entries = new Map(scopes.flatMap((scope) => Object.entries(entriesOf(file, scope))))
    const values = new Map<string, Value>()
    const unreadable = new Map<string, unknown>()
    for (const [name, entry] of entries) {
      if ('value' in entry) {
        values.set(name, { value: entry.value, secret: false })
        continue
      }
      try {
        const value = this.#known.get(entry.key) ?? (await this.#platform.keychain.get(entry.key))
        if (value === undefined) unreadable.set(name, undefined)
        else {
          this.#known.set(entry.key, value)
          values.set(name, { value, secret: true })
        }
      } catch (error) {
        unreadable.set(name, error)
      }
    }
    return { values, unreadable }
  }

  /** See {@link File}. */
  async origin(): Promise<string> {
    return (await this.#load()).origin
  }

  async #load(): Promise<File> {
    let text: string
    try {
      text = await readFile(this.#file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw this.#unreadable(String(error))
      return { version: 1, origin: this.#fresh, user: {}, projects: {}, workspaces: {} }
    }
    try {
      return File.parse(JSON.parse(text))
    } catch {
      // What zod or JSON say of it may quote a value.
      throw this.#unreadable('It is not what Berth has written.')
    }
  }

  /** Until the first change gives the file one. */
  readonly #fresh = randomUUID()

  /** One change after another, each on what the file says then. The secret that is replaced goes from the keychain. */
  #change(change: (file: File) => File, [scope, name]: readonly [VariableScope, string]): Promise<void> {
    const done = this.#turn.then(async () => {
      const file = await this.#load()
      const before = entriesOf(file, scope)[name]
      await this.#write(change(file))
      await this.#drop(before)
    })
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #drop(entry: Entry | undefined): Promise<void> {
    if (!entry || !('key' in entry)) return
    this.#known.delete(entry.key)
    await this.#platform.keychain.remove(entry.key).catch((error: unknown) => {
      this.#platform.logger.warn('A secret stays in the keychain', { error: String(error) })
    })
  }

  async #write(file: File): Promise<void> {
    const temporary = `${this.#file}.${process.pid}.new`
    try {
      await makeFolder(this.#platform.folders.config, 0o700)
      await writeFile(temporary, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 })
      await rename(temporary, this.#file)
    } catch (error) {
      throw problem(
        {
          code: 'settings-invalid',
          title: 'The variables could not be saved',
          cause: error instanceof Error ? error.message : String(error),
          remedy: `Check that ${this.#platform.folders.config} can be written.`,
        },
        error,
      )
    }
  }

  #unreadable(cause: string) {
    return problem({
      code: 'settings-invalid',
      title: 'The variables cannot be read',
      cause: `${this.#file}: ${cause}`,
      remedy: 'Mend the file or move it away, and set the variables again.',
    })
  }
}

function entriesOf(file: File, scope: VariableScope): Readonly<Record<string, Entry>> {
  if (scope.kind === 'user') return file.user
  if (scope.kind === 'workspace') return own(file.workspaces, scope.workspaceId)
  return own(file.projects, projectKey(scope.source))
}

function own(all: Readonly<Record<string, Record<string, Entry>>>, key: string): Record<string, Entry> {
  return (Object.hasOwn(all, key) ? all[key] : undefined) ?? {}
}

function changed(
  file: File,
  scope: VariableScope,
  change: (entries: Readonly<Record<string, Entry>>) => Record<string, Entry>,
): File {
  const next = change(entriesOf(file, scope))
  if (scope.kind === 'user') return { ...file, user: next }
  const kind = scope.kind === 'project' ? 'projects' : 'workspaces'
  const key = scope.kind === 'project' ? projectKey(scope.source) : scope.workspaceId
  const { [key]: _before, ...others } = file[kind]
  return { ...file, [kind]: Object.keys(next).length === 0 ? others : { ...others, [key]: next } }
}
