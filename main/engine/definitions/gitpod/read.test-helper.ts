import { isDeepStrictEqual } from 'node:util'
import { Definition, type Problem, ProblemError } from '#contract'
import { readDefinition } from '../index'
import { memoryReader, testContext } from '../memory-reader.test-helper'

export const file = '.gitpod.yml'

export async function read(text: string, more: Record<string, string> = {}) {
  const { definition } = await readDefinition(memoryReader({ [file]: text, ...more }), testContext)
  // Whatever is read must be storable.
  if (!isDeepStrictEqual(Definition.parse(definition), definition))
    throw new Error('Not as the contract has it')
  return definition
}

export async function refused(text: string, more: Record<string, string> = {}): Promise<Problem> {
  const error = await read(text, more).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof ProblemError)) throw new Error(`Not refused: ${text} (${String(error)})`)
  return error.problem
}
