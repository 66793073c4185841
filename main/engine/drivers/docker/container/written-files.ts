import { posix } from 'node:path'
import { pack } from 'tar-stream'
import type { ContainerOptions, Mount, NotApplied } from '#contract'
import type { StepReport } from '../../driver'
import { isBelow } from '../../shared/folders'
import { contentOfFile, filesOf, usualMode } from '../../shared/written-files'
import { placeArchive, readOwner } from '../archive'
import type { EngineClient } from '../client'

/** A workspace's own container, or one beside it. */
interface Written {
  readonly mounts: readonly Mount[]
  readonly container?:
    | (Pick<ContainerOptions, 'files'> & { readonly readOnly?: true | undefined })
    | undefined
}

/**
 * Writes the files of a definition into a container that has not been started, as Compose does: no label, no variable
 * and no argument tells what is in them. What cannot be written is named in the log.
 */
export async function writeFiles(
  client: EngineClient,
  containerId: string,
  { container, mounts }: Written,
  env: Readonly<Record<string, string | undefined>>,
  report: StepReport,
  signal: AbortSignal,
): Promise<void> {
  if (container?.readOnly) return
  const hidden = mounts.filter(({ type }) => type === 'tmpfs')
  for (const file of filesOf(container)) {
    const { target, variable, uid = 0, gid = 0, mode = usualMode } = file
    const content = contentOfFile(file, env)
    if (content === undefined) {
      report.output(`${target} is not written: ${variable} is not set in the environment of this machine\n`)
      continue
    }
    if (hidden.some((mount) => isBelow(target, mount.target))) {
      report.output(`${target} is not written: it would lie in a folder that is in memory\n`)
      continue
    }
    const missing: string[] = []
    let folder = posix.dirname(target)
    while (folder !== '/' && (await readOwner(client, containerId, folder, signal)) === undefined) {
      missing.unshift(folder)
      folder = posix.dirname(folder)
    }
    const tar = pack()
    // The engine would make those that are missing for everybody to write to.
    for (const one of missing) tar.entry({ name: `${one.slice(1)}/`, type: 'directory', mode: 0o755 })
    tar.entry({ name: target.slice(1), uid, gid, mode }, content)
    tar.finalize()
    const refusal = await placeArchive(client, containerId, tar, signal)
    if (refusal !== undefined) report.output(`${target} could not be written: ${refusal.split('\n', 1)[0]}\n`)
  }
}

/** Which of them an engine cannot write: none into a container that is read-only. */
export function unwritableFiles(container: Written['container']): readonly NotApplied[] {
  if (!container?.readOnly) return []
  return filesOf(container).map(({ target }) => ({
    field: target,
    reason:
      'an engine writes no such file into a container that is read-only; put it into a file of the source and name that with "file"',
  }))
}
