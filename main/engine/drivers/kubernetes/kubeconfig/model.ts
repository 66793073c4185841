import { dirname, resolve, sep } from 'node:path'
import { z } from 'zod'

/** What a kubeconfig says of a cluster (client.authentication and clientcmd v1 API). Paths are absolute. */
export interface Cluster {
  readonly server?: string
  readonly caFile?: string
  /** PEM. */
  readonly caData?: string
  readonly skipVerify: boolean
  readonly serverName?: string
  readonly proxy?: string
  /** What credential plugins are told of the cluster: the extension `client.authentication.k8s.io/exec`. */
  readonly execConfig?: unknown
}

export interface User {
  readonly certFile?: string
  readonly certData?: string
  readonly keyFile?: string
  readonly keyData?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly username?: string
  readonly password?: string
  readonly impersonate?: Impersonation
  readonly exec?: ExecSettings
  readonly authProvider?: AuthProvider
}

export interface Impersonation {
  readonly user?: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra: readonly (readonly [string, readonly string[]])[]
}

export interface ExecSettings {
  readonly apiVersion: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: readonly (readonly [string, string])[]
  readonly installHint?: string
  readonly provideClusterInfo: boolean
  readonly interactiveMode: 'Never' | 'IfAvailable' | 'Always'
}

export interface AuthProvider {
  readonly name: string
  readonly config: Readonly<Record<string, string>>
}

export interface Context {
  readonly cluster?: string
  readonly user?: string
  readonly namespace?: string
}

/** A person writes `key:` for nothing, and unquoted words that YAML takes for something else. */
const text = z
  .union([z.string(), z.number(), z.boolean()])
  .nullish()
  .transform((value) => (value === undefined || value === null || value === '' ? undefined : String(value)))
const flag = z
  .union([z.boolean(), z.literal('true'), z.literal('false'), z.literal('')])
  .nullish()
  .transform((value) => value === true || value === 'true')
const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((value) => value ?? [])
/** Base64 of text, as the `…-data` fields have it; may be folded over lines. */
const data = text.transform((value, context) => {
  if (value === undefined) return undefined
  const packed = value.replace(/\s+/g, '')
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(packed) || packed.length % 4 !== 0) {
    context.addIssue({ code: 'custom', message: 'is not base64' })
    return z.NEVER
  }
  return Buffer.from(packed, 'base64').toString('utf8')
})

const extension = z.object({ name: text, extension: z.unknown() })
const execExtension = 'client.authentication.k8s.io/exec'

/** The fields of each kind of entry. `folder` is that of its file: relative paths begin there. */
export function schemas(file: string) {
  const folder = dirname(file)
  const path = text.transform((value) => (value === undefined ? undefined : resolve(folder, value)))

  const cluster = z
    .object({
      server: text,
      'certificate-authority': path,
      'certificate-authority-data': data,
      'insecure-skip-tls-verify': flag,
      'tls-server-name': text,
      'proxy-url': text,
      extensions: z.array(extension).nullish().catch(undefined),
    })
    .transform(
      (raw): Cluster => ({
        server: raw.server,
        caFile: raw['certificate-authority'],
        caData: raw['certificate-authority-data'],
        skipVerify: raw['insecure-skip-tls-verify'],
        serverName: raw['tls-server-name'],
        proxy: raw['proxy-url'],
        execConfig: raw.extensions?.find(({ name }) => name === execExtension)?.extension,
      }),
    )

  const exec = z
    .object({
      apiVersion: text,
      command: text,
      args: list(text.transform((value) => value ?? '')),
      env: list(z.object({ name: text, value: text })),
      installHint: text,
      provideClusterInfo: flag,
      interactiveMode: z.enum(['Never', 'IfAvailable', 'Always']).nullish(),
    })
    .transform((raw, context): ExecSettings => {
      for (const name of ['apiVersion', 'command'] as const) {
        if (raw[name] === undefined) context.addIssue({ code: 'custom', path: [name], message: 'is missing' })
      }
      const command = raw.command ?? ''
      return {
        apiVersion: raw.apiVersion ?? '',
        // A bare name is looked for on the PATH; anything with a separator is a path, and may be relative.
        command: command.includes('/') || command.includes(sep) ? resolve(folder, command) : command,
        args: raw.args,
        env: raw.env.flatMap(({ name, value }) => (name === undefined ? [] : [[name, value ?? ''] as const])),
        installHint: raw.installHint,
        provideClusterInfo: raw.provideClusterInfo,
        interactiveMode: raw.interactiveMode ?? 'IfAvailable',
      }
    })

  const authProvider = z.object({
    name: text.transform((value) => value ?? ''),
    config: z
      .record(z.string(), text)
      .nullish()
      .transform((raw) =>
        Object.fromEntries(
          Object.entries(raw ?? {}).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
        ),
      ),
  })

  const user = z
    .object({
      'client-certificate': path,
      'client-certificate-data': data,
      'client-key': path,
      'client-key-data': data,
      token: text,
      tokenFile: path,
      username: text,
      password: text,
      as: text,
      'as-uid': text,
      'as-groups': list(z.string()),
      'as-user-extra': z.record(z.string(), list(z.string())).nullish(),
      exec: exec.nullish(),
      'auth-provider': authProvider.nullish(),
    })
    .transform(
      (raw): User => ({
        certFile: raw['client-certificate'],
        certData: raw['client-certificate-data'],
        keyFile: raw['client-key'],
        keyData: raw['client-key-data'],
        token: raw.token,
        tokenFile: raw.tokenFile,
        username: raw.username,
        password: raw.password,
        impersonate: impersonation({
          user: raw.as,
          uid: raw['as-uid'],
          groups: raw['as-groups'],
          extra: Object.entries(raw['as-user-extra'] ?? {}),
        }),
        exec: raw.exec ?? undefined,
        authProvider: raw['auth-provider'] ?? undefined,
      }),
    )

  const context = z.object({ cluster: text, user: text, namespace: text }).transform((raw): Context => raw)
  return { cluster, user, context }
}

function impersonation(asked: Impersonation): Impersonation | undefined {
  const { user, uid, groups, extra } = asked
  return user !== undefined || uid !== undefined || groups.length > 0 || extra.length > 0 ? asked : undefined
}
