import type { Task } from '#contract'
import { shownText } from '../document/shown-text'
import { shorten, type Value } from '../document/value'
import { gitpodCalls } from './command'
import { ignoreUnknown, list, present } from './fields'
import { withFolder } from './places'

const names = ['name', 'before', 'init', 'prebuild', 'command', 'env', 'openIn', 'openMode'] as const
const example = 'Write, for example, "- init: npm install" and below it "  command: npm start".'

/** Gitpod once had the last two, and files still do. */
const openModes = [
  'tab-after',
  'tab-before',
  'split-left',
  'split-right',
  'split-top',
  'split-bottom',
] as const

/** Terminals that open by themselves: more are a mistake or an attack. */
const maximumAutomatic = 32

/**
 * `tasks`: each has a terminal of its own, which begins with the workspace, in `folder`. Absent: the workspace folder.
 * `env`: the workspace's variables.
 */
export function readTasks(
  value: Value | undefined,
  folder: string | undefined,
  env: Readonly<Record<string, string>>,
): Task[] {
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
    const own = readEnvironment(fields.get('env'))
    const task: Task = {
      name: shorten(name, 100),
      automatic: true,
      ...readParts(fields, [...Object.keys(env), ...Object.keys(own)]),
      ...(folder === undefined ? {} : { workingFolder: folder }),
      env: own,
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

/** Shell lines; those that are blank are left out. `set` are the variables that there are. */
function readParts(
  fields: ReadonlyMap<string, Value>,
  set: readonly string[],
): Pick<Task, 'before' | 'init' | 'command'> {
  const parts: Pick<Task, 'before' | 'init' | 'command'> = {}
  for (const name of ['before', 'init', 'command'] as const) {
    const value = fields.get(name)
    const text = value?.text('Write a shell line; several lines begin with "|" behind the name.')
    if (!value || !text || text.trim() === '') continue
    if (text.includes('\0')) throw value.mustBe('a shell line without NUL characters')
    parts[name] = here(text, value)
    const { other, url } = gitpodCalls(text)
    if (other) {
      value.ignore(
        'it runs, but of gp, Gitpod\'s own command, only "await-port", "ports await", "sync-await", "sync-done" and "url" do something here',
      )
    }
    if (url) {
      value.ignore('it runs, and "gp url" gives the port on localhost, where it is forwarded if that is free')
    }
    const missing = [...text.matchAll(/\$\{?(GITPOD_\w+)/g)].find(
      ([, variable = '']) => !set.includes(variable),
    )
    if (missing) value.ignore(`it runs, but ${missing[1]} is set by Gitpod alone`)
  }
  return parts
}

function readPlace(fields: ReadonlyMap<string, Value>): Pick<Task, 'openMode'> {
  const openIn = fields.get('openIn')
  openIn?.choice(['bottom', 'main', 'left', 'right'])
  openIn?.ignore('terminals are all in one place')
  const openMode = fields.get('openMode')?.choice(openModes)
  return openMode ? { openMode } : {}
}

/** Of a task or of the workspace. What is no text is its JSON, as Gitpod hands it over. */
export function readEnvironment(value: Value | undefined): Record<string, string> {
  const entries: [string, string][] = []
  for (const [name, field] of value ? present(value.fields('Write, for example, "PORT: 3000".')) : []) {
    if (name === '' || /[=\0\n]/.test(name)) throw field.mustBe('under a name without "=" or line breaks')
    const text =
      field.type === 'object' || field.type === 'array' ? JSON.stringify(field.plain()) : field.scalar()
    if (text.includes('\0')) throw field.mustBe('a value without NUL characters')
    entries.push([name, here(text, field)])
  }
  return Object.fromEntries(entries)
}

/** A text that speaks of Gitpod's own folder speaks of the one that has the same here. */
function here(text: string, value: Value): string {
  const changed = withFolder(text)
  if (changed !== text)
    value.ignore('"/workspace" in it is read as "/workspaces", in which is here what Gitpod has there')
  return changed
}
