import type { Dependency, HealthCheck, Mount, Service } from '#contract'
import type { Value } from '../document/value'
import { isImageName } from '../image-name'
import { imageOfShortForm, knownService, serviceKinds, variableOf } from '../known-services'
import { containerPath } from '../paths'
import { closest } from '../suggest'

/** More containers than this are no workspace any more. */
const maximumServices = 30
const nameForm = /^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$/
const example = 'Write, for example, "services": {"db": "postgres:17"}.'
const words = serviceKinds.join(', ')

export interface BerthCustomizations {
  readonly services: readonly Service[]
  /** Variables that lead to databases which are named by their short form. */
  readonly containerEnv: Readonly<Record<string, string>>
}

/**
 * `customizations.berth` of a devcontainer.json: what the format has no field for. `services` are containers beside
 * the workspace's own, by name: an object, or a short form such as `"postgres:17"`, which also sets a variable unless
 * `given` has it. `beside`: services that there are already, whose names are taken. Throws `definition-invalid`.
 */
export function readBerth(
  value: Value,
  given: Readonly<Record<string, string>>,
  beside: readonly Service[] = [],
): BerthCustomizations {
  const services: Service[] = []
  const containerEnv: Record<string, string> = {}
  for (const [name, field] of value.fields()) {
    if (name === 'services') readServices(field, given, beside, services, containerEnv)
    else ignoreUnknown(name, field, ['services'])
  }
  return { services, containerEnv }
}

function readServices(
  value: Value,
  given: Readonly<Record<string, string>>,
  beside: readonly Service[],
  services: Service[],
  containerEnv: Record<string, string>,
): void {
  if (value.type === 'null') return
  const entries: readonly (readonly [string, Value])[] =
    value.type === 'array'
      ? value.items().map((item) => [imageOfShortForm(item.text(example))?.kind ?? '', item] as const)
      : [...value.fields(example)]
  if (entries.length > maximumServices) throw value.mustBe(`at most ${maximumServices} services`)
  for (const [name, field] of entries) {
    if (field.type === 'null') continue
    if (field.type === 'string') {
      const found = imageOfShortForm(field.text())
      if (!found)
        throw field.mustBe(
          `one of ${words}, with a version or without`,
          'Give an object with an "image" for any other one.',
        )
      checkName(name, field, [...beside, ...services])
      const service = knownService(found.kind, name, found.image)
      services.push(service)
      const variable = variableOf(found.kind, service, { ...given, ...containerEnv })
      if (variable) containerEnv[variable[0]] = variable[1]
    } else {
      checkName(name, field, [...beside, ...services])
      services.push(readService(name, field))
    }
  }
  checkPorts(value, [...beside, ...services])
  checkDependencies(value, [...beside, ...services])
}

function checkName(name: string, field: Value, services: readonly Service[]): void {
  if (!nameForm.test(name))
    throw field.mustBe('under a name of lower-case letters, digits and "-", at most 50', example)
  if (services.some((one) => one.name === name))
    throw field.mustBe('a service of its own', `There is one called ${name} already: give each a name.`)
}

const serviceFields = [
  'image',
  'env',
  'volumes',
  'ports',
  'health',
  'entrypoint',
  'command',
  'user',
  'workingFolder',
  'aliases',
  'dependsOn',
  'restart',
] as const

function readService(name: string, value: Value): Service {
  const fields = value.fields(example)
  for (const [key, field] of fields) {
    if (!serviceFields.some((one) => one === key)) ignoreUnknown(key, field, serviceFields)
  }
  const given = (key: (typeof serviceFields)[number]) => {
    const field = fields.get(key)
    return field?.type === 'null' ? undefined : field
  }
  const image = given('image')
  if (!image) throw value.mustBe('an object with an "image"', 'Write, for example, {"image": "rabbitmq:4"}.')
  if (!isImageName(image.text())) throw image.mustBe('the name of an image')
  const [health, entrypoint, command] = [given('health'), given('entrypoint'), given('command')]
  const user = given('user')
  const folder = given('workingFolder')
  return {
    name,
    image: image.text(),
    env: readEnvironment(given('env')),
    mounts: readVolumes(given('volumes')),
    ports: given('ports')?.items().map(readPort) ?? [],
    aliases: given('aliases')?.items().map(readAlias) ?? [],
    ...(health ? { health: readHealth(health) } : {}),
    ...(entrypoint ? { entrypoint: readArguments(entrypoint) } : {}),
    ...(command ? { command: readArguments(command) } : {}),
    ...(user ? { user: user.text() } : {}),
    ...(folder ? { workingFolder: readPath(folder) } : {}),
    dependsOn: readDependencies(given('dependsOn')),
    restart: given('restart')?.choice(['always', 'on-failure', 'never']) ?? 'always',
  }
}

function readEnvironment(value: Value | undefined): Record<string, string> {
  const entries: [string, string][] = []
  for (const [name, field] of value?.fields() ?? []) {
    if (name === '' || /[=\0\n]/.test(name)) throw field.mustBe('under a name without "=" or line breaks')
    if (field.type !== 'null') entries.push([name, field.scalar()])
  }
  return Object.fromEntries(entries)
}

/** `{"data": "/var/lib/data"}`: volumes of the workspace, by name. */
function readVolumes(value: Value | undefined): Mount[] {
  return [...(value?.fields('Write, for example, {"db-data": "/var/lib/data"}.') ?? [])].map(
    ([source, field]) => {
      if (!/^[A-Za-z0-9][\w.-]*$/.test(source))
        throw field.mustBe('under a name that has letters, digits, ".", "_" and "-" only')
      return { type: 'volume', source, target: readPath(field) }
    },
  )
}

function readPath(field: Value): string {
  const path = containerPath(field.text())
  if (path === undefined || path === '/') throw field.mustBe('an absolute path below /')
  return path
}

function readPort(item: Value): number {
  const port = item.type === 'number' ? Number(item.raw()) : Number.NaN
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw item.mustBe('a port number from 1 to 65535', 'Write, for example, "ports": [5672].')
  return port
}

function readAlias(item: Value): string {
  const alias = item.text()
  if (!nameForm.test(alias)) throw item.mustBe('a name of lower-case letters, digits and "-"')
  return alias
}

/** A list of arguments, or a line for a shell. */
function readArguments(value: Value): string[] {
  if (value.type === 'string') return ['sh', '-c', value.guardedText()]
  const items = value.items('Write a list of arguments, or a line for a shell.')
  if (items.length === 0) throw value.mustBe('a list of at least one argument')
  return items.map((item) => item.guardedText())
}

const healthFields = ['command', 'interval', 'timeout', 'retries', 'startPeriod'] as const

/** Times are in seconds there, and in milliseconds in a definition. */
function readHealth(value: Value): HealthCheck {
  const fields = value.fields('Write, for example, {"command": ["pg_isready"], "interval": 5}.')
  for (const [key, field] of fields) {
    if (!healthFields.some((one) => one === key)) ignoreUnknown(key, field, healthFields)
  }
  const command = fields.get('command')
  if (!command) throw value.mustBe('an object with a "command"')
  const seconds = (key: 'interval' | 'timeout' | 'startPeriod', otherwise: number, least: number) => {
    const field = fields.get(key)
    if (!field || field.type === 'null') return otherwise * 1_000
    const number = field.type === 'number' ? Number(field.raw()) : Number.NaN
    if (!(number >= least && number <= 86_400))
      throw field.mustBe(`a number of seconds from ${least} to 86400`)
    return Math.round(number * 1_000)
  }
  const retries = fields.get('retries')
  const count = retries ? Number(retries.raw()) : 12
  if (retries && (retries.type !== 'number' || !Number.isInteger(count) || count < 1 || count > 1_000))
    throw retries.mustBe('a whole number from 1 to 1000')
  return {
    command: readArguments(command),
    interval: seconds('interval', 5, 0.1),
    timeout: seconds('timeout', 5, 0.1),
    retries: count,
    startPeriod: seconds('startPeriod', 0, 0),
  }
}

/** Names, or names with what is waited for. */
function readDependencies(value: Value | undefined): Dependency[] {
  if (!value) return []
  if (value.type === 'array')
    return value.items().map((item) => ({ service: item.text(), condition: 'started' as const }))
  return [...value.fields('Write, for example, "dependsOn": ["db"].')].map(([service, field]) => ({
    service,
    condition: field.choice(['started', 'healthy', 'completed']),
  }))
}

/** They share one network: the second of two on one port could not begin. */
function checkPorts(value: Value, services: readonly Service[]): void {
  const owners = new Map<number, string>()
  for (const { name, ports } of services) {
    for (const port of new Set(ports)) {
      const owner = owners.get(port)
      if (owner !== undefined)
        throw value.mustBe(
          `services with ports of their own: ${owner} and ${name} both listen on ${port}`,
          'Let one of them listen on another port: they share a network with the workspace.',
        )
      owners.set(port, name)
    }
  }
}

/** Each leads to a service that there is, and none back to where it began. */
function checkDependencies(value: Value, services: readonly Service[]): void {
  const byName = new Map(services.map((service) => [service.name, service]))
  for (const { name, dependsOn } of services) {
    for (const { service } of dependsOn) {
      if (byName.has(service)) continue
      const meant = closest(service, [...byName.keys()])
      throw value.mustBe(
        `services that there are: ${name} depends on "${service}", which is none`,
        meant ? `Did you mean "${meant}"?` : '',
      )
    }
  }
  const done = new Set<string>()
  const visit = (name: string, trail: readonly string[]): void => {
    if (trail.includes(name))
      throw value.mustBe(`services that wait for each other in some order: ${[...trail, name].join(' → ')}`)
    if (done.has(name)) return
    for (const { service } of byName.get(name)?.dependsOn ?? []) visit(service, [...trail, name])
    done.add(name)
  }
  for (const { name } of services) visit(name, [])
}

function ignoreUnknown(name: string, field: Value, knownNames: readonly string[]): void {
  const meant = closest(name, knownNames)
  field.ignore(`unknown field${meant ? `; did you mean "${meant}"?` : ''}`)
}
