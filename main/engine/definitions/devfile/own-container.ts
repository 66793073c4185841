import type { Value } from '../document/value'
import type { Commands } from './commands'
import type { Component, ContainerComponent } from './components'

/** Attributes by which Che and GitLab's workspaces tell into which container their editor goes. */
const editorAttributes = ['controller.devfile.io/merge-contribution', 'gl/inject-editor']

/** What a component's `attributes` say of that; undefined: nothing. */
export function readEditorPlace(attributes: Value | undefined): boolean | undefined {
  const fields = attributes?.fields()
  const said = editorAttributes.flatMap((name) => fields?.get(name) ?? [])
  const texts = said.filter(({ type }) => type === 'boolean' || type === 'string').map((each) => each.raw())
  if (texts.includes('true')) return true
  return texts.includes('false') ? false : undefined
}

/**
 * Which container of a devfile is the workspace's own, in which terminals and commands run. Only those come into
 * question that have the source (`mountSources`), or all where none has it. Of several it is the one that is said to
 * have the editor, else of those that are not said to have none the one in which the default `run` command runs, else the default `build` command (of a composite one the first that it names), else the
 * first in the file, which is also the one into which Che puts its editor.
 */
export function chooseContainer(
  components: ReadonlyMap<string, Component>,
  commands: Commands,
): ContainerComponent | undefined {
  const containers = [...components.values()].filter((each) => each.kind === 'container')
  const withSource = containers.filter((each) => each.mountSources)
  const possible = withSource.length > 0 ? withSource : containers
  const said = possible.find(({ hasEditor }) => hasEditor)
  if (said) return said
  const left = possible.filter(({ hasEditor }) => hasEditor !== false)
  const candidates = left.length > 0 ? left : possible
  for (const group of ['run', 'build']) {
    for (const command of commands.values()) {
      if (command.group !== group || !command.isDefault) continue
      const name = componentOf(command.id, commands)
      const found = candidates.find((each) => each.name === name)
      if (found) return found
    }
  }
  return candidates[0]
}

function componentOf(id: string, commands: Commands): string | undefined {
  const seen = new Set<string>()
  let command = commands.get(id)
  while (command?.kind === 'composite' && !seen.has(command.id)) {
    seen.add(command.id)
    command = commands.get(command.commands[0] ?? '')
  }
  return command?.kind === 'exec' ? command.component : undefined
}
