import type { ContainerOptions, HealthCheck, ImageBuild, Service, SourceMount } from '#contract'
import type { DefinitionContext } from '../reader'
import { type Attached, readAttached } from './attached'
import { readWords } from './command'
import { besideFields, containerFields, readContainer } from './container'
import { readDeploy } from './deploy'
import { readEnvironment } from './environment'
import { refusedServiceFields, refuseUnknown, serviceFields } from './fields'
import { wantsGraphics } from './graphics'
import { readHealth } from './health'
import { readImage } from './image'
import { flag, type Layer, lastLayer, plainText } from './layer'
import { readAliases, readLinks } from './network'
import { readPorts, type ServicePorts } from './ports'
import type { Project, ProjectReader } from './project'
import { readServiceContainer, type ServiceContainer, serviceContainerFields } from './service-container'
import { readVolumes, type ServiceVolumes } from './volumes'

/** What Compose files say of one service, its paths and places not yet those of a workspace. */
export interface ReadService extends ServiceVolumes {
  readonly layers: readonly Layer[]
  readonly made: { readonly image: string } | { readonly build: ImageBuild }
  readonly entrypoint?: string[]
  readonly command?: string[]
  readonly env: Record<string, string>
  readonly user?: string
  readonly workingFolder?: string
  readonly ports: ServicePorts
  readonly aliases: readonly string[]
  readonly links: readonly (readonly [service: string, alias: string])[]
  readonly health?: HealthCheck
  /** Secrets and configs that are files of the source. */
  readonly attached: readonly SourceMount[]
  readonly restart: Service['restart']
  readonly init: boolean
  /** It is the workspace's own, and wants graphics processors. */
  readonly gpu: boolean
  /** Of the workspace's own service only. */
  readonly container?: ContainerOptions
  /** Of the others. */
  readonly beside?: ServiceContainer
  /** Whether its input stays open. */
  readonly terminal: boolean
}

/** Reads a service that runs. Rejects with `definition-invalid` or `definition-unsupported`. */
export async function readService(
  layers: readonly Layer[],
  origin: Layer,
  ofWorkspace: boolean,
  files: ProjectReader,
  project: Project,
  context: DefinitionContext,
): Promise<ReadService> {
  const made = await readImage(layers, files, origin, project.secrets)
  const entrypoint = readWords(layers, 'entrypoint')
  const command = readWords(layers, 'command')
  const user = lastLayer(layers, 'user')
  const workingFolder = lastLayer(layers, 'working_dir')
  const health = readHealth(layers)
  const volumes = readVolumes(layers, project, context, ofWorkspace)
  const deploy = readDeploy(layers, ofWorkspace)
  const gpu = ofWorkspace && wantsGraphics(layers)
  const attached = readAttached(layers, project)
  const container = ofWorkspace ? withFiles(readContainer(layers, deploy), attached) : undefined
  const more = ofWorkspace ? containerFields : [...besideFields, ...serviceContainerFields]
  const applied = [...serviceFields, ...more]
  refuseUnknown(layers, applied, refusedServiceFields)
  return {
    layers,
    made,
    ...volumes,
    ...wordsOf(entrypoint, command),
    env: await readEnvironment(layers, files),
    // Of variables that are not set nothing but a colon is left, which engines take for nothing too.
    ...(user && !/^:?$/.test(plainText(user)) ? { user: readUser(user) } : {}),
    ...(workingFolder && workingFolder.value.text() !== ''
      ? { workingFolder: readFolder(workingFolder) }
      : {}),
    ports: readPorts(layers),
    ...(container ? { container } : {}),
    ...(ofWorkspace ? {} : { beside: withFilesBeside(readServiceContainer(layers, deploy), attached) }),
    aliases: readAliases(layers, ofWorkspace),
    links: readLinks(layers),
    ...(health ? { health } : {}),
    attached: attached.mounts,
    restart: readRestart(lastLayer(layers, 'restart'), deploy.restart),
    init: flag(lastLayer(layers, 'init')),
    gpu,
    terminal: flag(lastLayer(layers, 'tty')) || flag(lastLayer(layers, 'stdin_open')),
  }
}

/** What is written into the container is one of its options. */
function withFiles(options: ContainerOptions | undefined, { files }: Attached): ContainerOptions | undefined {
  return files.length === 0 ? options : { rights: [], ...options, files: [...files] }
}

function withFilesBeside(beside: ServiceContainer, { files }: Attached): ServiceContainer {
  return files.length === 0 ? beside : { ...beside, options: { ...beside.options, files: [...files] } }
}

/**
 * An empty entry point means that the command runs without the image's own, which is the same as a command in its
 * place; an empty command is the image's own, as engines take it.
 */
function wordsOf(
  entrypoint: string[] | undefined,
  command: string[] | undefined,
): Pick<ReadService, 'entrypoint' | 'command'> {
  const said = command && command.length > 0 ? command : undefined
  if (entrypoint?.length === 0 && said) return { entrypoint: said }
  return { ...(entrypoint ? { entrypoint } : {}), ...(said ? { command: said } : {}) }
}

function readUser(layer: Layer): string {
  const user = plainText(layer)
  if (!/^[^\s:\0]+(?::[^\s:\0]+)?$/.test(user)) {
    throw layer.value.mustBe('the name or number of a user', 'Write, for example, "user: node".')
  }
  return user
}

function readFolder(layer: Layer): string {
  const folder = layer.value.text()
  if (folder.includes('\0') || folder.includes('\n') || !folder.startsWith('/')) {
    throw layer.value.mustBe('an absolute path', 'Write, for example, "working_dir: /app".')
  }
  return folder
}

function readRestart(layer: Layer | undefined, deployed: Service['restart'] = 'never'): Service['restart'] {
  if (!layer) return deployed
  // YAML of older days takes no for false.
  if (layer.value.type === 'boolean' && !layer.value.boolean()) return 'never'
  const text = layer.value.text()
  const [policy, times] = text.split(':')
  switch (policy) {
    case 'no':
    case '':
      return 'never'
    case 'always':
    case 'unless-stopped':
      return 'always'
    case 'on-failure':
      if (times !== undefined) layer.value.ignore('it is started again as often as it fails')
      return 'on-failure'
    default:
      throw layer.value.mustBe('one of no, always, unless-stopped, on-failure', 'Quote "no".')
  }
}
