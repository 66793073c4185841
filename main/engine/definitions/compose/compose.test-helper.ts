import { Definition, type Problem, ProblemError, type Service } from '#contract'
import { readDefinition } from '../index'
import { memoryReader, testContext } from '../memory-reader.test-helper'
import type { DefinitionContext } from '../reader'

export interface Written {
  /** The Compose file at the root of the repository, where devcontainer.json names no other. */
  readonly compose?: string
  /** Fields of devcontainer.json beside `dockerComposeFile` and `service`, or instead of them. */
  readonly devcontainer?: Readonly<Record<string, unknown>>
  readonly files?: Readonly<Record<string, string>>
  readonly context?: Partial<DefinitionContext>
}

/** The definition of a repository with Compose files, whose workspace is the service `app`. */
export async function readWritten(written: Written): Promise<Definition> {
  const reader = memoryReader({
    '.devcontainer/devcontainer.json': JSON.stringify({
      dockerComposeFile: '../compose.yml',
      service: 'app',
      ...written.devcontainer,
    }),
    ...(written.compose === undefined ? {} : { 'compose.yml': written.compose }),
    ...written.files,
  })
  const { definition } = await readDefinition(reader, { ...testContext, ...written.context })
  // Whatever is read must be storable.
  Definition.parse(definition)
  return definition
}

/** Of a file that is nothing but the services given, each with an image where it names none. */
export function services(fields: Readonly<Record<string, Readonly<Record<string, unknown>>>>): string {
  return JSON.stringify({
    services: Object.fromEntries(
      Object.entries({ app: {}, ...fields }).map(([name, service]) => [
        name,
        'build' in service || 'extends' in service ? service : { image: 'debian:bookworm', ...service },
      ]),
    ),
    volumes: { data: null },
  })
}

/** The workspace's definition where its own service says this. */
export function readApp(
  fields: Readonly<Record<string, unknown>>,
  written: Written = {},
): Promise<Definition> {
  return readWritten({ compose: services({ app: fields }), ...written })
}

/** A service beside the workspace's that says this, and why what of it is not applied. */
export async function readDb(
  fields: Readonly<Record<string, unknown>>,
  written: Written = {},
): Promise<{ service: Service; refused: Record<string, string> }> {
  const definition = await readWritten({ compose: services({ db: fields }), ...written })
  const service = definition.services[0]
  if (!service) throw new Error('There is no service')
  return { service, refused: refusedOf(definition) }
}

export function refusedOf(definition: Definition): Record<string, string> {
  return Object.fromEntries(definition.notApplied.map(({ field, reason }) => [field, reason]))
}

export async function problemOf(reading: Promise<unknown>): Promise<Problem> {
  const error = await reading.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof ProblemError)) throw new Error(`Not refused: ${String(error)}`)
  return error.problem
}
