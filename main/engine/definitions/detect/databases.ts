import type { Node } from 'jsonc-parser'
import type { Service } from '#contract'
import { isImageName } from '../image-name'
import { imageOfShortForm, kindOfImage, knownService, type ServiceKind, titleOf } from '../known-services'
import type { Clue, Evidence, Fact } from './evidence'
import { type PortFinding, portFinding } from './finding'
import { fieldOf, fieldsOf, itemsOf, scalarOf } from './trees'

/** A database that the repository needs, and why. */
export interface Database {
  readonly kind: ServiceKind
  readonly service: Service
  readonly because: Fact
}

const composeFiles = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'] as const
const examples = ['.env.example', '.env.sample', '.env.dist', '.env.template'] as const

export async function firstOf(evidence: Evidence, names: readonly string[]): Promise<Clue | undefined> {
  for (const name of names) {
    const clue = await evidence.clue(name)
    if (clue) return clue
  }
  return undefined
}

/** Of each kind one: from the Compose file, else the pipelines, else what the application is set up for. */
export async function findDatabases(
  evidence: Evidence,
  pipelines: readonly Clue[],
): Promise<readonly Database[]> {
  const found: Database[] = []
  const add = (database: Database | undefined) => {
    if (!database || found.some(({ kind }) => kind === database.kind)) return
    if (found.some(({ service }) => service.name === database.service.name)) return
    // MySQL and MariaDB want the same one, and there is one network for all.
    const { ports } = database.service
    if (found.some(({ service }) => service.ports.some((port) => ports.includes(port)))) return
    found.push(database)
  }
  for (const database of await fromCompose(evidence)) add(database)
  for (const clue of pipelines) for (const database of fromPipeline(clue)) add(database)
  for (const database of await fromSettings(evidence)) add(database)
  return found
}

/** Ports of the services that Compose builds: of the application itself, that is. */
export async function composePorts(evidence: Evidence): Promise<readonly PortFinding[]> {
  const clue = await firstOf(evidence, composeFiles)
  const ports: PortFinding[] = []
  for (const [name, service] of fieldsOf(fieldOf(clue?.tree(), 'services'))) {
    if (!clue || !fieldOf(service, 'build')) continue
    for (const item of itemsOf(fieldOf(service, 'ports'))) {
      const text = scalarOf(item) ?? scalarOf(fieldOf(item, 'target')) ?? ''
      const port = /(?:^|:)(\d{2,5})(?:\/tcp)?$/.exec(text)?.[1]
      const label = /^[\w.-]{1,40}$/.test(name) ? name : 'App'
      const found = port && portFinding(clue.fact(port, clue.lineOf(item.offset)), label)
      if (found) ports.push(found)
    }
  }
  return ports.slice(0, 10)
}

async function fromCompose(evidence: Evidence): Promise<readonly Database[]> {
  const clue = await firstOf(evidence, composeFiles)
  if (!clue) return []
  return fieldsOf(fieldOf(clue.tree(), 'services')).flatMap(([name, service]) => {
    const node = fieldOf(service, 'image')
    const image = filledIn(scalarOf(node))
    return node && image
      ? made(image, name, environmentOf(service), clue.fact('', clue.lineOf(node.offset)))
      : []
  })
}

function fromPipeline(clue: Clue): readonly Database[] {
  const root = clue.tree()
  const images: (readonly [Node, string])[] = []
  const take = (node: Node | undefined, name?: string) => {
    const text = scalarOf(node)
    if (node && text) images.push([node, name ?? ''])
  }
  if (clue.path === '.gitlab-ci.yml') {
    const jobs = [root, ...fieldsOf(root).map(([, job]) => job)]
    for (const job of jobs)
      for (const item of itemsOf(fieldOf(job, 'services'))) take(fieldOf(item, 'name') ?? item)
  } else {
    for (const [, job] of fieldsOf(fieldOf(root, 'jobs')))
      for (const [name, service] of fieldsOf(fieldOf(job, 'services')))
        take(fieldOf(service, 'image') ?? service, name)
  }
  return images.flatMap(([node, name]) =>
    made(scalarOf(node) ?? '', name, {}, clue.fact('', clue.lineOf(node.offset))),
  )
}

function made(
  image: string,
  name: string,
  own: Readonly<Record<string, string>>,
  because: Fact,
): readonly Database[] {
  const kind = isImageName(image) ? kindOfImage(image) : undefined
  if (!kind) return []
  const isFit = /^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$/.test(name)
  // A version that may change from day to day is not kept where one is known.
  const isLoose = image === kind || image === `${kind}:latest`
  const wanted = isLoose ? (imageOfShortForm(kind)?.image ?? image) : image
  return [{ kind, service: knownService(kind, isFit ? name : kind, wanted, own), because }]
}

function environmentOf(service: Node): Record<string, string> {
  const node = fieldOf(service, 'environment')
  const pairs: [string, string | undefined][] =
    node?.type === 'array'
      ? itemsOf(node).map((item) => {
          const text = scalarOf(item) ?? ''
          const equals = text.indexOf('=')
          return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)]
        })
      : fieldsOf(node).map(([name, value]) => [name, scalarOf(value)])
  return Object.fromEntries(
    pairs.flatMap(([name, value]) => {
      const text = filledIn(value)
      return text === undefined || text === '' ? [] : [[name, text]]
    }),
  )
}

/** With the defaults of its variables; undefined where one has none, since its value is the user's affair. */
function filledIn(text: string | undefined): string | undefined {
  const filled = text?.replaceAll('$$', '\0').replace(/\$\{\w+:?-([^${}]*)\}/g, (_, word: string) => word)
  return filled?.includes('$') || filled?.includes('\0') ? undefined : filled
}

const schemes: readonly (readonly [RegExp, ServiceKind])[] = [
  [/^postgres/, 'postgres'],
  [/^pgsql$/, 'postgres'],
  [/^mysql/, 'mysql'],
  [/^mariadb$/, 'mariadb'],
  [/^redis/, 'redis'],
  [/^mongodb/, 'mongo'],
]

/** What the application is set up for: .env.example, Prisma, Rails. */
async function fromSettings(evidence: Evidence): Promise<readonly Database[]> {
  const root = await evidence.names('.')
  const example = await firstOf(evidence, examples)
  const prisma = root.includes('prisma') ? await evidence.clue('prisma/schema.prisma') : undefined
  const rails =
    root.includes('Gemfile') && root.includes('config')
      ? await evidence.clue('config/database.yml')
      : undefined
  const told: Fact[] = [
    ...(example?.all(
      /^\s*(?:export\s+)?[A-Z][A-Z0-9_]*_UR[IL]\s*=\s*["']?([a-z]+[a-z+0-9]*:\/\/\S+?)["']?\s*$/,
    ) ?? []),
    ...(example?.all(/^\s*(?:DB_CONNECTION|CACHE_DRIVER|CACHE_STORE)\s*=\s*([a-z]+)\s*$/) ?? []),
    ...(prisma?.all(/^\s*provider\s*=\s*"(postgresql|mysql|mongodb)"/) ?? []),
    ...(rails?.all(/^\s*adapter:\s*(postgresql|mysql2)\s*$/) ?? []),
  ]
  return told.flatMap((fact) => {
    const kind = schemes.find(([pattern]) => pattern.test(fact.value))?.[1]
    const image = kind && imageOfShortForm(kind)?.image
    if (!kind || !image || !isNear(fact.value)) return []
    return [
      { kind, service: knownService(kind, kind, image, credentialsOf(fact.value, kind)), because: fact },
    ]
  })
}

/** Whether an address is one of this machine or of a service, and not of somebody's server. */
function isNear(text: string): boolean {
  if (!text.includes('://')) return true
  try {
    const { hostname } = new URL(text)
    return hostname === '' || hostname === '127.0.0.1' || !hostname.includes('.')
  } catch {
    return false
  }
}

/** The user, password and database that an address of an example names. */
function credentialsOf(text: string, kind: ServiceKind): Record<string, string> {
  if (!text.includes('://') || text.includes('$') || kind !== 'postgres') return {}
  try {
    const { username, password, pathname } = new URL(text)
    if (username === '' || password === '') return {}
    const database = decodeURIComponent(pathname.slice(1))
    return {
      POSTGRES_USER: decodeURIComponent(username),
      POSTGRES_PASSWORD: decodeURIComponent(password),
      ...(/^\w+$/.test(database) ? { POSTGRES_DB: database } : {}),
    }
  } catch {
    return {}
  }
}

/** For people: `PostgreSQL 16`. */
export function describeDatabase({ kind, service }: Database): string {
  const version = /:(?:pg)?(\d+(?:\.\d+)?)/.exec(service.image ?? '')?.[1]
  return version === undefined ? titleOf(kind) : `${titleOf(kind)} ${version}`
}
