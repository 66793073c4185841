import type { ContainerOptions, Definition } from '#contract'
import { ContainerDraft, mergeContainerOptions } from '../container/index'
import type { Value } from '../document/value'
import type { DefinitionContext } from '../reader'
import { type RunArguments, readRunArguments } from './run-arguments'

/** `privileged`, `capAdd` and `securityOpt`, of a devcontainer.json, a Feature or an image's metadata. */
export const rightFields = ['privileged', 'capAdd', 'securityOpt'] as const
export type RightField = (typeof rightFields)[number]

/**
 * What a field says of the container. `origin`: who asks, where that is not the definition itself. Throws
 * `definition-invalid`.
 */
export function readRightField(
  name: RightField,
  value: Value,
  origin?: string,
): ContainerOptions | undefined {
  const draft = new ContainerDraft(origin)
  if (name === 'privileged') {
    if (value.boolean()) draft.take('privileged', '', value)
  } else {
    const setting = name === 'capAdd' ? 'cap-add' : 'security-opt'
    const example = name === 'capAdd' ? '["SYS_PTRACE"]' : '["seccomp=unconfined"]'
    for (const item of value.items(`Write, for example, "${name}": ${example}.`))
      draft.take(setting, item.text(), item)
  }
  return draft.options()
}

/** What a devcontainer.json says of its container beside image, mounts, user and variables. */
export interface ReadContainer
  extends Pick<RunArguments, 'env' | 'mounts' | 'parts' | 'init' | 'gpu' | 'ports'> {
  readonly fields: Pick<Definition, 'container' | 'containerUser'>
}

/** `privileged`, `capAdd`, `securityOpt` and `runArgs`, on top of Compose. `root` as for `readMounts`. Throws `definition-invalid`. */
export function readContainer(
  given: (name: RightField | 'runArgs') => Value | undefined,
  compose: Pick<Definition, 'container'> | undefined,
  context: DefinitionContext,
  root: string,
): ReadContainer {
  const own = rightFields.map((name) => {
    const value = given(name)
    return value && readRightField(name, value)
  })
  const words = given('runArgs')
  if (compose && words) words.ignore('it belongs to an image or a Dockerfile; say it in the Compose file')
  const run = words && !compose ? readRunArguments(words, context, root) : undefined
  const container = mergeContainerOptions([compose?.container, ...own, run?.container])
  return {
    env: run?.env ?? {},
    mounts: run?.mounts ?? [],
    parts: run?.parts ?? [],
    init: run?.init ?? false,
    gpu: run?.gpu ?? false,
    ports: run?.ports ?? [],
    fields: {
      ...(container ? { container } : {}),
      ...(run?.user === undefined ? {} : { containerUser: run.user }),
    },
  }
}
