import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Platform } from './platform'

/** What the engine takes as proof of who asks, in `X-Registry-Auth` (Engine API, "Authentication"). */
export interface RegistryCredentials {
  readonly username?: string
  readonly password?: string
  readonly identitytoken?: string
  readonly serveraddress: string
}

interface DockerConfig {
  readonly auths?: Readonly<
    Record<string, { auth?: string; identitytoken?: string; username?: string; password?: string }>
  >
  readonly credsStore?: string
  readonly credHelpers?: Readonly<Record<string, string>>
}

/** Docker Hub's name in credential files. */
const HUB = 'https://index.docker.io/v1/'
/** A helper's user name for a token in place of a password (docker-credential-helpers' protocol). */
const TOKEN_USER = '<token>'

export function configFolder(platform: Platform): string {
  return platform.env.DOCKER_CONFIG || join(platform.folders.home, '.docker')
}

/** The user's own logins, from `config.json` and the credential helpers that it names. */
export class DockerLogins {
  readonly #platform: Platform

  constructor(platform: Platform) {
    this.#platform = platform
  }

  /** The login for a registry, or undefined. What cannot be read is logged and counts as none. */
  async of(registry: string): Promise<RegistryCredentials | undefined> {
    const config = await this.#config()
    return this.#lookUp(config, registry)
  }

  /** The logins of all registries that are configured, by server address: what a build may need for its base images. */
  async all(): Promise<Readonly<Record<string, RegistryCredentials>>> {
    const config = await this.#config()
    const servers = new Set([...Object.keys(config.auths ?? {}), ...Object.keys(config.credHelpers ?? {})])
    const found: Record<string, RegistryCredentials> = {}
    for (const server of servers) {
      const credentials = await this.#lookUp(config, hostOf(server))
      if (credentials) found[server] = credentials
    }
    return found
  }

  async #config(): Promise<DockerConfig> {
    const path = join(configFolder(this.#platform), 'config.json')
    try {
      return JSON.parse(await readFile(path, 'utf8')) as DockerConfig
    } catch (error) {
      const { name, code } = error as NodeJS.ErrnoException
      // The message of a SyntaxError quotes the file, passwords and all.
      if (code !== 'ENOENT')
        this.#platform.logger.warn('docker config.json could not be read', { path, error: code ?? name })
      return {}
    }
  }

  async #lookUp(config: DockerConfig, registry: string): Promise<RegistryCredentials | undefined> {
    const server = registry === 'docker.io' ? HUB : registry
    const helper = config.credHelpers?.[server] ?? config.credHelpers?.[registry] ?? config.credsStore
    if (helper) {
      const credentials = await this.#askHelper(helper, server)
      if (credentials) return credentials
    }
    const [, entry] = Object.entries(config.auths ?? {}).find(([key]) => hostOf(key) === hostOf(server)) ?? []
    if (!entry) return undefined
    if (entry.identitytoken) return { identitytoken: entry.identitytoken, serveraddress: server }
    const decoded = entry.auth ? Buffer.from(entry.auth, 'base64').toString('utf8').replace(/\0+$/, '') : ''
    const colon = decoded.indexOf(':')
    const username = colon > 0 ? decoded.slice(0, colon) : entry.username
    const password = colon > 0 ? decoded.slice(colon + 1) : entry.password
    return username ? { username, password: password ?? '', serveraddress: server } : undefined
  }

  async #askHelper(helper: string, server: string): Promise<RegistryCredentials | undefined> {
    // The name becomes part of a command's: nothing but a plain name may.
    if (!/^[\w.-]+$/.test(helper)) return undefined
    const { env, processes, logger } = this.#platform
    const result = await processes.run(`docker-credential-${helper}`, ['get'], {
      env,
      input: server,
      signal: AbortSignal.timeout(20_000),
    })
    if (result.code !== 0) {
      if (result.error)
        logger.warn('a docker credential helper cannot be started', { helper, code: result.error.code })
      return undefined
    }
    try {
      const answer = JSON.parse(result.stdout) as { Username?: string; Secret?: string }
      if (!answer.Secret) return undefined
      return answer.Username === TOKEN_USER
        ? { identitytoken: answer.Secret, serveraddress: server }
        : { username: answer.Username ?? '', password: answer.Secret, serveraddress: server }
    } catch {
      logger.warn('a docker credential helper answered what is no JSON', { helper })
      return undefined
    }
  }
}

/** Keys of `auths` are host names, with or without scheme and path. */
function hostOf(server: string): string {
  const host = server.replace(/^https?:\/\//, '').split('/', 1)[0] ?? ''
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host
}

/** Value of `X-Registry-Auth` and `X-Registry-Config`: JSON in URL-safe base64. */
export function encodeCredentials(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}
