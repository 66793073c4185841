import { type Definition, emptyDefinition } from '#contract'
import { Reading } from '../document/document'
import { readDefinitionFile } from '../document/file'
import { type DefinitionFile, noteUnread, shorten, Value } from '../document/value'
import { maximumYamlBytes, yamlDocument } from '../document/yaml'
import type { DefinitionContext, RepositoryReader } from '../reader'
import type { Substitution } from '../variables'
import { readEditors } from './editors'
import { appliedFields, ignoreUnknown, present, refusedFields } from './fields'
import { readImage } from './image'
import { placeVariables, readPlaces, readRepositories } from './places'
import { readPorts } from './ports'
import { readEnvironment, readTasks } from './tasks'

/** There are no variables in .gitpod.yml: what looks like one is the shell's. */
const noVariables: Substitution = {
  all: (text) => text,
  exceptEnvironment: (text) => text,
  unknown: new Set(),
}

/** Reads one .gitpod.yml. Rejects with `definition-invalid`. */
export async function readGitpod(
  path: string,
  reader: RepositoryReader,
  context: DefinitionContext,
): Promise<Definition> {
  const bytes = await readDefinitionFile(path, reader, maximumYamlBytes)
  const file: DefinitionFile = {
    document: yamlDocument(path, bytes, 'Name what is meant, for example "image: debian:bookworm".'),
    substitution: noVariables,
    reading: new Reading(),
    notApplied: [],
  }
  const fields = present(new Value('', file.document.root, file).fields())
  const { source, ...places } = readPlaces(fields, context.sourceName)
  const repositories = readRepositories(fields.get('additionalRepositories'), source)
  const containerEnv = {
    ...placeVariables(source, places.workspaceFolder, repositories),
    ...readEnvironment(fields.get('env')),
  }
  const customizations = readEditors(fields)
  const definition: Definition = {
    ...emptyDefinition(context.sourceName),
    format: 'gitpod',
    path,
    ...(await readImage(fields.get('image'), reader, context.defaultImage)),
    ...places,
    containerEnv,
    ...readPorts(fields.get('ports')),
    tasks: readTasks(
      fields.get('tasks'),
      source === places.workspaceFolder ? undefined : source,
      containerEnv,
    ),
    repositories,
    ...(customizations ? { customizations } : {}),
    notApplied: file.notApplied,
  }
  for (const [name, value] of fields) {
    if (appliedFields.some((applied) => applied === name)) continue
    const reason = Object.hasOwn(refusedFields, name) ? refusedFields[name] : undefined
    if (reason) value.ignore(reason)
    else ignoreUnknown(value, shorten(name), [...appliedFields, ...Object.keys(refusedFields)])
  }
  noteUnread(file)
  return definition
}
