import type { Link } from '../../main/engine/link'
import { countBytes, digestOf, megabytesPerSecond } from './drain'

/** A file of random bytes in a workspace, read out of it by a command. */
export interface ExecFile {
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** A shell's command that makes it. */
  readonly make: string
  /** Megabytes per second over the link. */
  speed(link: Link): Promise<number>
  /** Its sha256 as it arrives over the link. */
  digest(link: Link): Promise<string>
}

export function execFile(path: string, size: number): ExecFile {
  const read = async (link: Link) => {
    const running = await link.exec({ command: ['cat', path] })
    running.stdin.end()
    return running
  }
  return {
    path,
    size,
    make: `head -c ${size} /dev/urandom > ${path}`,
    async speed(link) {
      const started = performance.now()
      const running = await read(link)
      const bytes = await countBytes(running.stdout)
      const { code } = await running.exit
      if (bytes !== size || code !== 0) throw new Error(`${bytes} of ${size} bytes came, exit code ${code}`)
      return megabytesPerSecond(size, performance.now() - started)
    },
    digest: async (link) => digestOf((await read(link)).stdout),
  }
}
