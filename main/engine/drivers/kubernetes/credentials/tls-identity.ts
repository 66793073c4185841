import { readFile } from 'node:fs/promises'
import { problem } from '#contract'
import type { Clock } from '../../../platform/clock'
import type { TlsIdentity } from '../api'
import type { Cluster, User } from '../kubeconfig/model'
import type { Credential } from './authenticator'
import { belongTogether } from './exec-credential'

/** Tries, and milliseconds between them: whoever rotates a certificate writes two files, one after the other. */
const TRIES = 5
const PAUSE = 100

/** The certificate and key that stand in the kubeconfig or in files that it names. */
export async function ownCertificate(
  user: User,
  title: string,
  clock: Clock,
): Promise<{ readonly cert: string; readonly key: string } | undefined> {
  if (!hasCertificate(user)) return undefined
  for (let attempt = 1; ; attempt += 1) {
    const cert = await content(user.certData, user.certFile, 'client certificate', title)
    const key = await content(user.keyData, user.keyFile, 'client key', title)
    if (belongTogether(cert ?? '', key ?? '')) return { cert: cert ?? '', key: key ?? '' }
    if (attempt === TRIES || !(user.certFile ?? user.keyFile)) {
      throw problem({
        code: 'target-misconfigured',
        title,
        cause: 'The client certificate and client key of its user are not a pair, or not in PEM format.',
        remedy: `Check ${[user.certFile, user.keyFile].filter(Boolean).join(' and ') || 'them in the kubeconfig'}.`,
      })
    }
    await clock.sleep(PAUSE)
  }
}

export function hasCertificate({ certData, certFile }: User): boolean {
  return (certData ?? certFile) !== undefined
}

/** What a connection to the cluster needs; files are read as they are now. */
export async function tlsIdentity(
  cluster: Cluster,
  credential: Pick<Credential, 'cert' | 'key'>,
  title: string,
): Promise<TlsIdentity> {
  // What nobody verifies against need not be readable.
  const ca = cluster.skipVerify
    ? undefined
    : await content(cluster.caData, cluster.caFile, 'certificate authority', title)
  const { cert, key } = credential
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    ...(cluster.serverName !== undefined && { serverName: cluster.serverName }),
    skipVerify: cluster.skipVerify,
  }
}

/** Data beats a file, as in kubectl. */
async function content(
  data: string | undefined,
  file: string | undefined,
  what: string,
  title: string,
): Promise<string | undefined> {
  if (data !== undefined || file === undefined) return data
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw problem({
      code: 'target-misconfigured',
      title,
      cause: `Its ${what} cannot be read (${error.code}).`,
      remedy: `Check ${file}, or name another file in the kubeconfig.`,
    })
  })
}
