import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { TabArrangement } from '#contract'
import { Collection, type ReadonlyCollection } from '../platform/collection'
import type { Handlers } from '../platform/handlers'
import { makeFolder } from '../platform/make-folder'
import type { Platform } from '../platform/platform'

const File = z.strictObject({ version: z.literal(1), arrangements: z.array(TabArrangement) })
/** Workspaces whose arrangement is remembered: those that were touched last. */
const REMEMBERED = 100

export interface Arrangements {
  readonly records: ReadonlyCollection<TabArrangement>
  readonly arrange: Handlers['sessions.arrange']
}

/**
 * How windows have their terminals: in a file, since a window that is killed takes with it what it had noted down a
 * moment ago. What cannot be read begins anew; what cannot be written holds until Berth ends.
 */
export function createArrangements({ folders, logger }: Pick<Platform, 'folders' | 'logger'>): Arrangements {
  const file = join(folders.state, 'tabs.json')
  const records = new Collection<TabArrangement>()
  for (const one of read(file, logger)) records.set(one)
  let writing: Promise<void> | undefined
  let isStale = false

  const write = async () => {
    do {
      isStale = false
      const text = `${JSON.stringify({ version: 1, arrangements: records.list() })}\n`
      const temporary = `${file}.${process.pid}.new`
      await makeFolder(folders.state, 0o700)
      await writeFile(temporary, text, { mode: 0o600 })
      await rename(temporary, file)
    } while (isStale)
  }
  /** One write at a time, which takes along what has changed meanwhile. */
  const save = () => {
    isStale = true
    writing ??= write()
      .catch((error: unknown) =>
        logger.warn('The order of terminals could not be written', { file, cause: String(error) }),
      )
      .finally(() => {
        writing = undefined
      })
    return writing
  }

  return {
    records,
    async arrange({ workspaceId, ...changed }) {
      const next = { id: workspaceId, order: [], ...records.get(workspaceId), ...changed }
      records.together(() => {
        // What was touched last stands last.
        records.delete(workspaceId)
        records.set(next)
        for (const { id } of records.list().slice(0, -REMEMBERED)) records.delete(id)
      })
      await save()
      return {}
    },
  }
}

function read(file: string, logger: Platform['logger']): readonly TabArrangement[] {
  try {
    return File.parse(JSON.parse(readFileSync(file, 'utf8'))).arrangements
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      logger.warn('The order of terminals cannot be read', { file, cause: String(error) })
    return []
  }
}
