import { posix } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import {
  type Definition,
  emptyDefinition,
  lifecyclePhases,
  type Mount,
  type ProposalReason,
  type Service,
} from '#contract'
import { imageOfShortForm, knownService, variableOf } from '../known-services'

/**
 * A definition as the text of a devcontainer.json, with the reasons as comments. Reading the text as
 * `.devcontainer/devcontainer.json` gives the same definition again, apart from `format`, `path` and what was not
 * applied. Fields without a place there are left out: tasks, repositories, host
 * requirements, how the container is made, and what Features and images contribute.
 */
export function writeDevcontainer(definition: Definition, reasons: readonly ProposalReason[] = []): string {
  const base = emptyDefinition(posix.basename(definition.workspaceFolder))
  const { services, containerEnv } = shorten(definition)
  const { stated = [] } = definition
  const fields: [string, unknown][] = [
    ['name', definition.title || undefined],
    ['image', definition.imageIsDefault ? undefined : definition.image],
    ['build', definition.build && buildOf(definition.build)],
    [
      'features',
      filled(Object.fromEntries(definition.features.map(({ reference, options }) => [reference, options]))),
    ],
    ['overrideFeatureInstallOrder', definition.featureOrder],
    ['workspaceFolder', differing(definition.workspaceFolder, base.workspaceFolder)],
    ['containerUser', definition.containerUser],
    ['remoteUser', definition.remoteUser],
    ['containerEnv', filled(containerEnv)],
    ['remoteEnv', filled(definition.remoteEnv)],
    ['mounts', filled(definition.mounts.map(mountOf))],
    ['init', differing(definition.init, base.init)],
    [
      'overrideCommand',
      stated.includes('overrideCommand')
        ? definition.overrideCommand
        : differing(definition.overrideCommand, base.overrideCommand),
    ],
    ['forwardPorts', filled(definition.forwardPorts)],
    ['portsAttributes', filled(definition.portsAttributes)],
    ['otherPortsAttributes', definition.otherPortsAttributes],
    ...lifecyclePhases.map((phase): [string, unknown] => [phase, definition.lifecycle[phase]]),
    [
      'waitFor',
      stated.includes('waitFor') ? definition.waitFor : differing(definition.waitFor, base.waitFor),
    ],
    ['secrets', filled(Object.fromEntries(definition.secrets.map(({ name, ...facts }) => [name, facts])))],
    ['customizations', customizationsOf(definition, services)],
  ]
  const present = fields.filter(([, value]) => value !== undefined)
  const lines = ['{']
  for (const [index, [name, value]] of present.entries()) {
    for (const comment of commentsOf(name, reasons)) lines.push(`  // ${comment}`)
    const text = `${JSON.stringify(name)}: ${layOut(value)}${index < present.length - 1 ? ',' : ''}`
    lines.push(...text.split('\n').map((line) => `  ${line}`))
  }
  return `${[...lines, '}'].join('\n')}\n`
}

/** `port 5173: vite.config.ts, line 4`, for each file once. */
function commentsOf(name: string, reasons: readonly ProposalReason[]): string[] {
  const of = name === 'customizations' ? 'services' : name
  const comments = reasons
    .filter(({ field }) => field === of || field.startsWith(`${of}.`))
    .map(({ what, because, line }) =>
      oneLine(`${what}: ${because}${line === undefined ? '' : `, line ${line}`}`),
    )
  return [...new Set(comments)]
}

/** A comment ends with its line, whatever stands in a file's name. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a name may have and a line may not
  return text.replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ').slice(0, 300)
}

/** As JSON, short lists and objects of plain values in one line. */
function layOut(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const isList = Array.isArray(value)
  const parts = isList
    ? value.map((item) => layOut(item, depth + 1))
    : Object.entries(value).flatMap(([key, field]) =>
        field === undefined ? [] : [`${JSON.stringify(key)}: ${layOut(field, depth + 1)}`],
      )
  const flat = parts.join(', ')
  const isPlain = Object.values(value).every((item) => typeof item !== 'object' || item === null)
  if (isPlain && flat.length <= 80 && (isList || depth > 0))
    return isList ? `[${flat}]` : `{ ${flat} }`.replace('{  }', '{}')
  if (parts.length === 0) return isList ? '[]' : '{}'
  const body = parts.join(',\n').replaceAll('\n', '\n  ')
  return isList ? `[\n  ${body}\n]` : `{\n  ${body}\n}`
}

/** Databases by their short form, where reading them brings all the rest again. */
function shorten({ services, containerEnv }: Definition): {
  readonly services: Readonly<Record<string, unknown>> | undefined
  readonly containerEnv: Readonly<Record<string, string>>
} {
  const short = (service: Service) => {
    const found = service.image === undefined ? undefined : imageOfShortForm(service.image)
    const isWhole = found && isDeepStrictEqual(knownService(found.kind, service.name, found.image), service)
    return isWhole ? found : undefined
  }
  const urls = services.flatMap((service) => {
    const found = short(service)
    return found ? [variableOf(found.kind, service, {})?.[1]] : []
  })
  const rest = Object.fromEntries(Object.entries(containerEnv).filter(([, value]) => !urls.includes(value)))
  const isSame = isDeepStrictEqual({ ...readBack(services, short, rest), ...rest }, { ...containerEnv })
  const entries = services.map((service) => [
    service.name,
    isSame && short(service) ? service.image : longForm(service),
  ])
  return {
    services: entries.length === 0 ? undefined : Object.fromEntries(entries),
    containerEnv: isSame ? rest : containerEnv,
  }
}

/** What the reader is going to add to the variables. */
function readBack(
  services: readonly Service[],
  short: (service: Service) => ReturnType<typeof imageOfShortForm>,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const added: Record<string, string> = {}
  for (const service of services) {
    const found = short(service)
    const variable = found && variableOf(found.kind, service, { ...given, ...added })
    if (variable) added[variable[0]] = variable[1]
  }
  return added
}

function longForm(service: Service): Record<string, unknown> {
  const { health, dependsOn } = service
  return {
    image: service.image,
    env: filled(service.env),
    volumes: filled(Object.fromEntries(service.mounts.map(({ source = '', target }) => [source, target]))),
    ports: filled(service.ports),
    health: health && {
      command: health.command,
      interval: health.interval / 1_000,
      timeout: health.timeout / 1_000,
      retries: health.retries,
      startPeriod: health.startPeriod / 1_000,
    },
    entrypoint: service.entrypoint,
    command: service.command,
    user: service.user,
    workingFolder: service.workingFolder,
    aliases: filled(service.aliases),
    dependsOn: filled(Object.fromEntries(dependsOn.map(({ service: name, condition }) => [name, condition]))),
    restart: differing(service.restart, 'always'),
  }
}

function customizationsOf(
  { customizations }: Definition,
  services: Readonly<Record<string, unknown>> | undefined,
): unknown {
  const { vscode, jetbrains } = customizations ?? {}
  return filled({
    ...(vscode ? { vscode } : {}),
    ...(jetbrains ? { jetbrains } : {}),
    ...(services ? { berth: { services } } : {}),
  })
}

/** Paths there are as seen from the file's own folder. */
function buildOf({ dockerfile, context, args, target, cacheFrom }: NonNullable<Definition['build']>) {
  return {
    dockerfile: posix.relative('.devcontainer', dockerfile),
    context: posix.relative('.devcontainer', context) || '.',
    args: filled(args),
    target,
    cacheFrom: filled(cacheFrom ?? []),
  }
}

function mountOf({ type, source, target, readOnly }: Mount): string {
  const options = [`type=${type}`, ...(source === undefined ? [] : [`source=${source}`]), `target=${target}`]
  // Quoted as a field of a list of comma separated values, which it is.
  const quoted = options.map((option) => (/[",]/.test(option) ? `"${option.replaceAll('"', '""')}"` : option))
  return [...quoted, ...(readOnly ? ['readonly'] : [])].join(',')
}

/** Left out where there is nothing in it. */
function filled<T extends object>(value: T): T | undefined {
  return Object.keys(value).length > 0 ? value : undefined
}

function differing<T>(value: T, usual: T): T | undefined {
  return value === usual ? undefined : value
}
