import type { Task } from '#contract'
import { shownText } from '../document/shown-text'
import { shorten, type Value } from '../document/value'
import { ignoreUnknown, list, present } from './fields'

const names = ['name', 'before', 'init', 'prebuild', 'command', 'env', 'openIn', 'openMode'] as const
const example = 'Write, for example, "- init: npm install" and below it "  command: npm start".'

/** Gitpod once had two more, above and below. */
const openModes = ['tab-after', 'tab-before', 'split-left', 'split-right'] as const

/** Terminals that open by themselves: more are a mistake or an attack. */
const maximumAutomatic = 32

/** Speaks of Gitpod's own folder, or its own command, which are not there in other places. */
const foreignFolder = /(?<![\w./-])\/workspace(?![\w-])/
const foreignCommand =
  /(?<![\w./-])gp (?:await-port|env|info|init|open|ports|preview|rebuild|snapshot|stop|sync-await|sync-done|tasks|timeout|top|url|validate)(?![\w-])/

/**
 * `tasks`: each has a terminal of its own, which begins with the workspace, in `folder`. Absent: the workspace folder.
 */
export function readTasks(value: Value | undefined, folder: string | undefined): Task[] {
  const tasks: Task[] = []
  const taken = new Map<string, number>()
  for (const [index, item] of list(value, example).entries()) {
    if (item.type === 'string')
      throw item.mustBe('an object', `Write "- command: ${shorten(item.raw().trim())}".`)
    const fields = present(item.fields(example))
    const name =
      shownText(fields.get('name')?.scalar() ?? '')
        .replace(/\s+/g, ' ')
        .trim() || `Task ${index + 1}`
    const task: Task = {
      name: shorten(name, 100),
      automatic: true,
      ...readParts(fields),
      ...(folder === undefined ? {} : { workingFolder: folder }),
      env: readEnvironment(fields.get('env')),
      ...readPlace(fields),
    }
    fields
      .get('prebuild')
      ?.ignore('it ran in prebuilds of Gitpod alone; put it into "init", which runs in those of Berth')
    for (const [field, unknown] of fields) {
      if (!names.some((known) => known === field)) ignoreUnknown(unknown, field, names)
    }
    if (!task.before && !task.init && !task.command && !fields.has('name')) {
      item.ignore('it has nothing to run')
      continue
    }
    if (tasks.length >= maximumAutomatic) {
      task.automatic = false
      item.ignore(
        `only ${maximumAutomatic} tasks begin with the workspace; this one waits until you start it`,
      )
    }
    tasks.push({ ...task, name: uniqueName(task.name, taken) })
  }
  return tasks
}

/** `name`, or `name 2`, `name 3` … that is not taken. `taken` has the last number of each. */
function uniqueName(name: string, taken: Map<string, number>): string {
  let unique = name
  let count = taken.get(name) ?? 1
  while (taken.has(unique)) {
    count += 1
    unique = `${name} ${count}`
  }
  taken.set(name, count)
  taken.set(unique, taken.get(unique) ?? 1)
  return unique
}

/** Shell lines; those that are blank are left out. */
function readParts(fields: ReadonlyMap<string, Value>): Pick<Task, 'before' | 'init' | 'command'> {
  const parts: Pick<Task, 'before' | 'init' | 'command'> = {}
  for (const name of ['before', 'init', 'command'] as const) {
    const value = fields.get(name)
    const text = value?.text('Write a shell line; several lines begin with "|" behind the name.')
    if (!value || !text || text.trim() === '') continue
    if (text.includes('\0')) throw value.mustBe('a shell line without NUL characters')
    parts[name] = text
    if (foreignFolder.test(text))
      value.ignore('it runs, but sources are in /workspaces here, and there is no /workspace')
    if (foreignCommand.test(text)) value.ignore("it runs, but gp is Gitpod's own command and is not here")
  }
  return parts
}

function readPlace(fields: ReadonlyMap<string, Value>): Pick<Task, 'openMode'> {
  const openIn = fields.get('openIn')
  openIn?.choice(['bottom', 'main', 'left', 'right'])
  openIn?.ignore('terminals are all in one place')
  const openMode = fields.get('openMode')
  if (!openMode) return {}
  const mode = openMode.choice([...openModes, 'split-top', 'split-bottom'])
  if (mode === 'tab-after' || mode === 'tab-before') return { openMode: mode }
  openMode.ignore('terminals are not split; it gets a tab of its own, in the same order')
  return { openMode: mode === 'split-top' || mode === 'split-left' ? 'split-left' : 'split-right' }
}

/** Of a task or of the workspace. What is no text is its JSON, as Gitpod hands it over. */
export function readEnvironment(value: Value | undefined): Record<string, string> {
  const entries: [string, string][] = []
  for (const [name, field] of value ? present(value.fields('Write, for example, "PORT: 3000".')) : []) {
    if (name === '' || /[=\0\n]/.test(name)) throw field.mustBe('under a name without "=" or line breaks')
    const text =
      field.type === 'object' || field.type === 'array' ? JSON.stringify(field.plain()) : field.scalar()
    if (text.includes('\0')) throw field.mustBe('a value without NUL characters')
    entries.push([name, text])
  }
  return Object.fromEntries(entries)
}
