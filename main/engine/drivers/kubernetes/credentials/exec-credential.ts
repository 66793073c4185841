import { createPrivateKey, X509Certificate } from 'node:crypto'
import { z } from 'zod'
import type { Cluster, ExecSettings } from '../kubeconfig/model'
import { bearer, type Credential } from './authenticator'
import { certificateExpiry } from './fixed'

/** What a plugin is told in KUBERNETES_EXEC_INFO (client.authentication.k8s.io, ExecCredential). */
export interface ExecRequest {
  readonly apiVersion: string
  readonly kind: 'ExecCredential'
  readonly spec: {
    /** Of whom it asks for credentials; where the kubeconfig says `provideClusterInfo`. */
    readonly cluster?: Readonly<Record<string, unknown>>
    /** Whether its stdin is a terminal with a person at it. */
    readonly interactive: boolean
  }
}

/** `ca` is the authority's certificate, also where it stands in a file of its own. */
export function execRequest(
  settings: ExecSettings,
  cluster: Cluster & { readonly server: string },
  ca: string | undefined,
  interactive: boolean,
): ExecRequest {
  return {
    apiVersion: settings.apiVersion,
    kind: 'ExecCredential',
    spec: {
      ...(settings.provideClusterInfo && {
        cluster: {
          server: cluster.server,
          ...(cluster.serverName !== undefined && { 'tls-server-name': cluster.serverName }),
          ...(cluster.skipVerify && { 'insecure-skip-tls-verify': true }),
          ...(ca !== undefined && { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
          ...(cluster.proxy !== undefined && { 'proxy-url': cluster.proxy }),
          ...(cluster.execConfig !== undefined && { config: cluster.execConfig }),
        },
      }),
      interactive,
    },
  }
}

const optional = z
  .string()
  .nullish()
  .transform((value) => value || undefined)
const Response = z.object({
  apiVersion: z.string(),
  kind: z.literal('ExecCredential'),
  status: z.object({
    expirationTimestamp: optional,
    token: optional,
    clientCertificateData: optional,
    clientKeyData: optional,
  }),
})

export interface ExecResult {
  readonly credential: Credential
  /** Milliseconds since the epoch; absent: until the server refuses it. */
  readonly expiry?: number
}

/** What a plugin printed, or why that is no credential, in words that hold nothing of it. */
export function parseExecCredential(
  stdout: string,
  apiVersion: string,
): ExecResult | { readonly fault: string } {
  let json: unknown
  try {
    json = JSON.parse(stdout)
  } catch {
    return { fault: stdout.trim() === '' ? 'It printed nothing.' : 'What it printed is not JSON.' }
  }
  const parsed = Response.safeParse(json)
  if (!parsed.success) {
    const place = parsed.error.issues[0]?.path.map(String).join('.')
    return { fault: `What it printed is not an ExecCredential${place ? ` (${place})` : ''}.` }
  }
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = parsed.data.status
  if (parsed.data.apiVersion !== apiVersion) {
    return { fault: `It speaks another version than ${apiVersion}, which the kubeconfig asks for.` }
  }
  if (token === undefined && cert === undefined)
    return { fault: 'It gave neither a token nor a certificate.' }
  if ((cert === undefined) !== (key === undefined)) return { fault: 'It gave half of a certificate and key.' }
  if (cert !== undefined && key !== undefined && !belongTogether(cert, key)) {
    return { fault: 'The certificate and key that it gave do not belong together.' }
  }
  const told = expirationTimestamp === undefined ? undefined : Date.parse(expirationTimestamp)
  if (Number.isNaN(told)) return { fault: 'The expirationTimestamp that it gave is not a time.' }
  const expiries = [told, cert && certificateExpiry(cert)].filter((expiry) => typeof expiry === 'number')
  return {
    credential: {
      ...(token !== undefined && { authorization: bearer(token) }),
      ...(cert !== undefined && key !== undefined && { cert, key }),
    },
    ...(expiries.length > 0 && { expiry: Math.min(...expiries) }),
  }
}

/** Whether a PEM certificate and a PEM key are a pair. False too where one of them is not what it should be. */
export function belongTogether(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}
