import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Problem } from '#contract'
import { configFolder } from '../../platform/docker-logins'
import type { Platform } from '../../platform/platform'
import type { TargetDescription } from '../driver'
import { type Endpoint, parseEndpoint, redact } from './connection/endpoint'
import { readTlsFolder, type TlsMaterial } from './connection/tls'

/** A Docker context and how to reach it; no endpoint where its configuration is broken. */
export interface DockerContext {
  readonly description: TargetDescription
  readonly endpoint?: Endpoint
}

/** What `docker context create` writes (docker/cli, "context store"). Unknown fields are left alone. */
const ContextMeta = z.object({
  Name: z.string().min(1),
  Endpoints: z.object({
    docker: z.object({ Host: z.string().optional(), SkipTLSVerify: z.boolean().optional() }),
  }),
})

const CURRENT = z.object({ currentContext: z.string().optional() })

/**
 * Every Docker context of the user: `default` (DOCKER_HOST, else this machine's engine) and those of the context
 * store. A broken one is returned with its Problem and hinders no other. Never throws.
 */
export function readContexts(platform: Platform): DockerContext[] {
  const folder = configFolder(platform)
  const stored = readStore(folder)
  // As docker itself decides: DOCKER_HOST beats DOCKER_CONTEXT beats config.json.
  const current = platform.env.DOCKER_HOST
    ? 'default'
    : platform.env.DOCKER_CONTEXT || currentContext(folder) || 'default'
  const all = [defaultContext(platform), ...stored]
  const known = all.some(({ description }) => description.name === current)
  if (!known) {
    all.push(
      broken(
        current,
        '',
        misconfigured(current, 'Docker is set to use this context, but there is none of this name.'),
      ),
    )
  }
  return all.map((context) => ({
    ...context,
    description: { ...context.description, isDefault: context.description.name === current },
  }))
}

function currentContext(folder: string): string | undefined {
  try {
    const parsed = CURRENT.safeParse(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')))
    return parsed.success ? parsed.data.currentContext : undefined
  } catch {
    return undefined // Absent, or broken: docker then uses the default too.
  }
}

function defaultContext(platform: Platform): DockerContext {
  const { env } = platform
  const address = env.DOCKER_HOST || localAddress(platform)
  return describe('default', address, () => {
    const secured = Boolean(env.DOCKER_TLS_VERIFY || env.DOCKER_TLS)
    if (!secured || !/^(tcp|https):/.test(address)) return undefined
    const material = readTlsFolder(env.DOCKER_CERT_PATH || configFolder(platform))
    return { ...material, ...(env.DOCKER_TLS_VERIFY ? {} : { skipVerify: true }) }
  })
}

/** Where this machine's engine listens: the usual socket, else that of a rootless or desktop engine. */
function localAddress({ env, folders }: Platform): string {
  if (process.platform === 'win32') return 'npipe:////./pipe/docker_engine'
  const usual = '/var/run/docker.sock'
  const runtime = env.XDG_RUNTIME_DIR || (process.getuid ? `/run/user/${process.getuid()}` : '')
  const others = [
    ...(runtime ? [join(runtime, 'docker.sock')] : []),
    join(folders.home, '.docker', 'run', 'docker.sock'),
    join(folders.home, '.docker', 'desktop', 'docker.sock'),
    join(folders.home, '.colima', 'default', 'docker.sock'),
    join(folders.home, '.orbstack', 'run', 'docker.sock'),
    join(folders.home, '.rd', 'docker.sock'),
  ]
  return `unix://${[usual, ...others].find((path) => existsSync(path)) ?? usual}`
}

function readStore(folder: string): DockerContext[] {
  const metaFolder = join(folder, 'contexts', 'meta')
  let entries: string[]
  try {
    entries = readdirSync(metaFolder).sort()
  } catch {
    return []
  }
  return entries.flatMap((entry) => readStored(folder, metaFolder, entry) ?? [])
}

function readStored(folder: string, metaFolder: string, entry: string): DockerContext | undefined {
  let text: string
  try {
    text = readFileSync(join(metaFolder, entry, 'meta.json'), 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined // Being written or removed just now.
    return broken(
      entry.slice(0, 12),
      '',
      misconfigured(entry.slice(0, 12), `Its meta.json cannot be read (${code}).`),
    )
  }
  let parsed: z.infer<typeof ContextMeta>
  let name = entry.slice(0, 12)
  try {
    const raw: unknown = JSON.parse(text)
    if (typeof raw === 'object' && raw !== null && 'Name' in raw && typeof raw.Name === 'string')
      name = raw.Name
    parsed = ContextMeta.parse(raw)
  } catch (error) {
    const why =
      error instanceof z.ZodError ? 'It has no Docker endpoint.' : 'Its meta.json is not valid JSON.'
    return broken(name, '', misconfigured(name, why, String(error)))
  }
  if (parsed.Name === 'default') return undefined // Docker keeps this name for itself.
  const { Host, SkipTLSVerify } = parsed.Endpoints.docker
  return describe(parsed.Name, Host ?? '', () => {
    const key = createHash('sha256').update(parsed.Name).digest('hex')
    const material = readTlsFolder(join(folder, 'contexts', 'tls', key, 'docker'))
    if (Object.keys(material).length === 0 && !SkipTLSVerify) return undefined
    return { ...material, ...(SkipTLSVerify && { skipVerify: true }) }
  })
}

function describe(name: string, address: string, tls: () => TlsMaterial | undefined): DockerContext {
  try {
    const endpoint = parseEndpoint(address, tls())
    return {
      description: { id: `docker:${name}`, name, endpoint: redact(address), isDefault: false },
      endpoint,
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return broken(name, redact(address), misconfigured(name, `${message}.`))
  }
}

function broken(name: string, endpoint: string, problem: Problem): DockerContext {
  return { description: { id: `docker:${name}`, name, endpoint, isDefault: false, problem } }
}

function misconfigured(name: string, cause: string, detail?: string): Problem {
  return {
    code: 'target-misconfigured',
    title: `The Docker context "${name}" is not configured correctly`,
    cause,
    remedy: `Correct it with "docker context update ${name}", or remove it with "docker context rm ${name}".`,
    ...(detail && { detail }),
  }
}
