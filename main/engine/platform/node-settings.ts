import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { problem, Settings } from '#contract'
import type { Logger } from './logger'
import { makeFolder } from './make-folder'
import type { SettingsStore } from './platform'

/**
 * Settings in a JSON file. What cannot be read or does not fit the schema falls back to its default field by
 * field, and the file as it was is kept beside it (`settings.json.invalid`) before the first change overwrites it.
 */
export function createSettingsStore(file: string, logger: Logger): SettingsStore {
  const { settings: initial, invalid } = read(file, logger)
  let settings = initial
  let keepInvalid = invalid
  let writing: Promise<void> = Promise.resolve()
  const listeners = new Set<(settings: Settings) => void>()

  const write = async (next: Settings) => {
    await makeFolder(dirname(file), 0o700)
    if (keepInvalid !== undefined) {
      await writeFile(`${file}.invalid`, keepInvalid, { mode: 0o600 })
      keepInvalid = undefined
    }
    const temporary = `${file}.${process.pid}.new`
    await writeFile(temporary, `${JSON.stringify(next, null, 2)}\n`, { mode: 0o600 })
    await rename(temporary, file)
  }

  return {
    get: () => settings,
    async change(fields) {
      const parsed = Settings.safeParse({ ...settings, ...fields })
      if (!parsed.success) {
        throw problem({
          code: 'settings-invalid',
          title: 'These settings are not valid',
          cause: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
          remedy: 'Correct the value and save again.',
        })
      }
      settings = parsed.data
      const next = settings
      writing = writing.catch(() => undefined).then(() => write(next))
      for (const listener of [...listeners]) listener(next)
      try {
        await writing
      } catch (error) {
        throw problem(
          {
            code: 'settings-invalid',
            title: 'The settings could not be saved',
            cause: error instanceof Error ? error.message : String(error),
            remedy: `They hold until Berth ends. Check that ${dirname(file)} can be written.`,
          },
          error,
        )
      }
      return next
    },
    onChange(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}

function read(file: string, logger: Logger): { settings: Settings; invalid?: string } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      logger.warn('The settings could not be read', { file, error: String(error) })
    return { settings: Settings.parse({}) }
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    logger.warn('The settings are not JSON', { file, error: String(error) })
    return { settings: Settings.parse({}), invalid: text }
  }
  const whole = Settings.safeParse(json)
  if (whole.success) return { settings: whole.data }
  logger.warn('Some settings are not valid', {
    file,
    issues: whole.error.issues.map((issue) => issue.path.join('.')),
  })
  const kept: Record<string, unknown> = {}
  if (typeof json === 'object' && json !== null) {
    for (const [key, value] of Object.entries(json)) {
      if (key in Settings.shape && Settings.safeParse({ [key]: value }).success) kept[key] = value
    }
  }
  // A policy is not left out because its place cannot be read.
  if (typeof json === 'object' && json !== null && 'policy' in json && !('policy' in kept))
    kept.policy = { repositories: [], invalid: true }
  return { settings: Settings.parse(kept), invalid: text }
}
