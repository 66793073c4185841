import { shorten, type Value } from '../document/value'
import type { Component, Variable } from './components'
import { readEnvironment } from './components'
import { type CommandKind, commandKinds, devfileFields, groupKinds } from './fields'
import {
  quoted,
  readFields,
  readKind,
  readList,
  readName,
  readReference,
  requireField,
  skipObject,
  uniqueNames,
  unknownName,
} from './shape'

interface Base {
  readonly id: string
  readonly at: Value
  readonly label?: string
  readonly group?: (typeof groupKinds)[number]
  readonly isDefault?: boolean
}

export interface ExecCommand extends Base {
  readonly kind: 'exec'
  readonly line: string
  readonly component: string
  readonly workingDir?: string
  readonly env: readonly Variable[]
}

export interface ApplyCommand extends Base {
  readonly kind: 'apply'
  readonly component: string
}

export interface CompositeCommand extends Base {
  readonly kind: 'composite'
  /** Ids of other commands; there are no circles. */
  readonly commands: readonly string[]
  readonly parallel: boolean
}

export interface OtherCommand extends Base {
  readonly kind: Exclude<CommandKind, 'exec' | 'apply' | 'composite'>
}

export type Command = ExecCommand | ApplyCommand | CompositeCommand | OtherCommand
export type Commands = ReadonlyMap<string, Command>

/** `commands`, by their ids. What they name is there, and none leads back to itself. */
export function readCommands(
  section: Value | undefined,
  components: ReadonlyMap<string, Component>,
): Commands {
  const references: Reference[] = []
  const commands = section ? readList(section).map((item) => readCommand(item, components, references)) : []
  const found = uniqueNames('command', commands, ({ id }) => id)
  for (const { id, at } of references) {
    if (!found.has(id)) throw unknownName('command', at, at.raw(), [...found.keys()])
  }
  checkCircles(found, references)
  checkDefaults(commands)
  return found
}

/** A composite command's mention of another one. */
interface Reference {
  readonly from: string
  readonly id: string
  readonly at: Value
}

/** The devfile library compares ids in lower case, in which all of them are. */
export function commandReference(value: Value): string {
  return readReference(value).toLowerCase()
}

function readCommand(
  item: Value,
  components: ReadonlyMap<string, Component>,
  references: Reference[],
): Command {
  const id = readName(requireField(item, item.fields(), 'id'))
  const at = item.named(`commands.${id}`)
  const fields = readFields(at, ['id', 'attributes', ...commandKinds])
  skipObject(fields.get('attributes'))
  const kind = readKind(at, fields, commandKinds, commandKinds.slice(0, 3))
  const section = requireField(at, fields, kind)
  switch (kind) {
    case 'exec': {
      const parts = readFields(section, devfileFields.exec, { required: ['commandLine', 'component'] })
      const lineAt = requireField(section, parts, 'commandLine')
      const line = lineAt.text(quoted)
      if (line.trim() === '') throw lineAt.mustBe('a command')
      const componentAt = requireField(section, parts, 'component')
      const component = readComponentReference(componentAt, components)
      if (components.get(component)?.kind !== 'container') {
        throw componentAt.wrong(
          `"${component}" is no container, and a command can only run in one.`,
          'Name a component that has "container".',
        )
      }
      parts.get('hotReloadCapable')?.boolean()
      const workingDir = parts.get('workingDir')?.text(quoted).trim()
      const env = readEnvironment(parts.get('env'), false)
      return { kind, id, at, ...readBase(parts), line, component, ...(workingDir && { workingDir }), env }
    }
    case 'apply': {
      const parts = readFields(section, devfileFields.apply, { required: ['component'] })
      const componentAt = requireField(section, parts, 'component')
      const component = readComponentReference(componentAt, components)
      if (components.get(component)?.kind === 'volume') {
        throw componentAt.wrong(
          `"${component}" is a volume, which cannot be applied.`,
          'Name another component.',
        )
      }
      return { kind, id, at, ...readBase(parts), component }
    }
    case 'composite': {
      const parts = readFields(section, devfileFields.composite)
      const list = parts.get('commands')
      const commands = (list ? readList(list) : []).map((each) => {
        const reference = { from: id, id: commandReference(each), at: each }
        references.push(reference)
        return reference.id
      })
      return {
        kind,
        id,
        at,
        ...readBase(parts),
        commands,
        parallel: parts.get('parallel')?.boolean() ?? false,
      }
    }
    default:
      section.fields()
      return { kind, id, at }
  }
}

function readBase(parts: ReadonlyMap<string, Value>): Pick<Base, 'label' | 'group' | 'isDefault'> {
  const label = shorten(parts.get('label')?.text(quoted).trim() ?? '', 200)
  const section = parts.get('group')
  const group = section && readFields(section, devfileFields.group, { required: ['kind'] })
  const isDefault = group?.get('isDefault')?.boolean()
  return {
    ...(label && { label }),
    ...(section && group && { group: requireField(section, group, 'kind').choice(groupKinds) }),
    ...(isDefault && { isDefault }),
  }
}

function readComponentReference(value: Value, components: ReadonlyMap<string, Component>): string {
  const name = readReference(value)
  if (!components.has(name)) throw unknownName('component', value, name, [...components.keys()])
  return name
}

function checkCircles(commands: Commands, references: readonly Reference[]): void {
  const done = new Set<string>()
  const under = new Set<string>()
  const visit = (id: string): string | undefined => {
    if (done.has(id)) return undefined
    if (under.has(id)) return id
    under.add(id)
    const command = commands.get(id)
    for (const next of command?.kind === 'composite' ? command.commands : []) {
      const circle = visit(next)
      if (circle === undefined) continue
      const at = references.find((reference) => reference.from === id && reference.id === next)?.at
      throw (at ?? command?.at ?? references[0]?.at)?.wrong(
        `The command "${next}" leads back to itself${id === next ? '' : ` by way of "${id}"`}.`,
        'Take one of the commands out of the circle.',
      )
    }
    under.delete(id)
    done.add(id)
    return undefined
  }
  for (const id of commands.keys()) visit(id)
}

function checkDefaults(commands: readonly Command[]): void {
  const defaults = new Map<string, string>()
  for (const { id, group, isDefault, at } of commands) {
    if (group === undefined || !isDefault) continue
    const other = defaults.get(group)
    if (other !== undefined) {
      throw at.wrong(
        `"${other}" and "${id}" are both the default of the group "${group}".`,
        'Set "isDefault: false" in one of them.',
      )
    }
    defaults.set(group, id)
  }
}
