import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** PEM texts for a TLS connection to an engine. */
export interface TlsMaterial {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  /** Take any certificate, as `docker --tls` without verification does. */
  readonly skipVerify?: boolean
  readonly serverName?: string
}

/** Reads ca.pem, cert.pem and key.pem of a folder; those that are absent are left out. Throws on unreadable ones. */
export function readTlsFolder(folder: string): TlsMaterial {
  const read = (name: string): Buffer | undefined => {
    try {
      return readFileSync(join(folder, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }
  const ca = read('ca.pem')
  const cert = read('cert.pem')
  const key = read('key.pem')
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
}
