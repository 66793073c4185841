import { isDeepStrictEqual } from 'node:util'
import { Definition, type Problem, ProblemError } from '#contract'
import { readDefinition } from '../index'
import { memoryReader, testContext } from '../memory-reader.test-helper'
import type { DefinitionContext } from '../reader'

export interface Around {
  readonly files?: Readonly<Record<string, string>>
  readonly context?: Partial<DefinitionContext>
}

/** What a devfile.yaml comes to; `schemaVersion` is put before it where it has none. */
export async function read(text: string, { files = {}, context = {} }: Around = {}): Promise<Definition> {
  const whole = /schemaVersion/.test(text) ? text : `schemaVersion: 2.2.0\n${text}`
  const { definition } = await readDefinition(memoryReader({ ...files, 'devfile.yaml': whole }), {
    ...testContext,
    ...context,
  })
  if (!isDeepStrictEqual(Definition.parse(definition), definition)) throw new Error('It cannot be stored.')
  return definition
}

export async function refused(text: string, around: Around = {}): Promise<Problem> {
  const thrown: unknown = await read(text, around).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof ProblemError)) throw new Error(`Not refused: ${text} (${String(thrown)})`)
  return thrown.problem
}

export function reasonOf(definition: Definition, field: string): string | undefined {
  return definition.notApplied.find((entry) => entry.field === field)?.reason
}

export const container = 'components:\n  - name: dev\n    container: {image: debian}\n'
