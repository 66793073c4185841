import { readFile, stat } from 'node:fs/promises'
import type { ImageBuild } from '#contract'
import type { DockerLogins } from '../../../../platform/docker-logins'
import type { Platform } from '../../../../platform/platform'
import type { HeldGrants } from '../../../driver'
import { insideFolder } from '../context'
import { GrpcError, grpcCodes, type Method, unary } from './grpc'
import { textField, writeMessage } from './protobuf'
import { agentPath, forwardAgent, refused } from './ssh-agent'

/** Bytes of a secret: BuildKit takes no larger ones. */
const LARGEST_SECRET = 500 * 1024
/** As BuildKit calls Docker Hub when it asks for a login. */
const HUB_HOSTS = new Set(['registry-1.docker.io', 'index.docker.io', 'docker.io'])

/** What this machine gives a build, and what it was asked for in vain. */
export interface BuildServices {
  readonly methods: ReadonlyMap<string, Method>
  /** Names of secrets that were asked for and not given. */
  readonly missingSecrets: ReadonlySet<string>
  /** The SSH agent was asked for and not given: why. */
  readonly missingAgent: () => 'not-allowed' | 'none' | undefined
}

export interface ServicesContext {
  readonly platform: Platform
  readonly logins: DockerLogins
  readonly build: Pick<ImageBuild, 'secrets' | 'ssh'>
  readonly grants: HeldGrants | undefined
  /** The repository's root on this machine. */
  readonly folder: string
  /** Told a line for everything that leaves this machine. */
  readonly tell: (line: string) => void
}

/**
 * The services that BuildKit asks during a build (moby/buildkit, session/auth, session/secrets, session/sshforward):
 * logins of registries, secrets, and the SSH agent where the user allows it.
 */
export function buildServices(context: ServicesContext): BuildServices {
  const { logins, platform, grants, tell } = context
  const missingSecrets = new Set<string>()
  const told = new Set<string>()
  const once = (line: string) => {
    if (told.has(line)) return
    told.add(line)
    tell(line)
  }
  let missingAgent: 'not-allowed' | 'none' | undefined

  const credentials = unary(async (request) => {
    const host = textField(request, 1)
    const login = await logins.of(HUB_HOSTS.has(host) ? 'docker.io' : host)
    if (!login) return Buffer.alloc(0)
    // A token goes without a user's name (docker's own client does the same).
    return login.identitytoken
      ? writeMessage([[2, login.identitytoken]])
      : writeMessage([
          [1, login.username ?? ''],
          [2, login.password ?? ''],
        ])
  })

  const secret = unary(async (request) => {
    const id = textField(request, 1)
    const found = await readSecret(id, context)
    if (!found) {
      missingSecrets.add(id)
      once(`The build asks for the secret "${id}", which it is not given.`)
      throw new GrpcError(grpcCodes.notFound, `the secret ${id} was not given`)
    }
    once(`The build gets the secret "${id}", ${found.from}.`)
    return writeMessage([[1, found.value]])
  })

  const agent = () => {
    const path = agentPath(platform)
    missingAgent = !grants?.ssh ? 'not-allowed' : path === undefined ? 'none' : undefined
    if (missingAgent !== undefined || path === undefined) return refused()
    return path
  }
  const methods = new Map<string, Method>([
    ['/moby.filesync.v1.Auth/Credentials', credentials],
    ['/moby.buildkit.secrets.v1.Secrets/GetSecret', secret],
    [
      '/moby.sshforward.v1.SSH/CheckAgent',
      unary(() => {
        agent()
        once('The build may use your SSH agent.')
        return Buffer.alloc(0)
      }),
    ],
    [
      '/moby.sshforward.v1.SSH/ForwardAgent',
      (messages, send, call) => forwardAgent(agent())(messages, send, call),
    ],
  ])
  return { methods, missingSecrets, missingAgent: () => missingAgent }
}

/**
 * A secret's value. What a definition says counts for files of the repository alone: anything else of this machine
 * a build gets only by what the user said.
 */
async function readSecret(
  id: string,
  { build, folder, grants, platform }: ServicesContext,
): Promise<{ readonly value: Buffer; readonly from: string } | undefined> {
  const grant = grants?.secrets?.find((one) => one.id === id)
  const named = build.secrets?.find((one) => one.id === id)
  const value = grants?.values?.get(id)
  if (value !== undefined) return { value: Buffer.from(value), from: 'as you gave it' }
  if (grant?.file !== undefined)
    return { value: await readSmall(grant.file, id), from: `the file ${grant.file}` }
  const variable = grant && (grant.env ?? (named?.file === undefined ? (named?.env ?? id) : undefined))
  if (variable !== undefined) {
    const value = platform.env[variable]
    return value === undefined ? undefined : { value: Buffer.from(value), from: `the variable ${variable}` }
  }
  if (named?.file === undefined) return undefined
  const path = await insideFolder(folder, named.file).catch(() => undefined)
  return path === undefined
    ? undefined
    : { value: await readSmall(path, id), from: `the repository's file ${named.file}` }
}

async function readSmall(path: string, id: string): Promise<Buffer> {
  const refuse = (reason: string) => new GrpcError(grpcCodes.notFound, `the secret ${id} ${reason}`)
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile()) throw refuse('is to be read from what is no file')
  if (found.size > LARGEST_SECRET) throw refuse('is larger than 500 KiB')
  try {
    return await readFile(path)
  } catch {
    throw refuse('could not be read')
  }
}
