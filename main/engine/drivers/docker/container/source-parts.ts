import { posix } from 'node:path'
import { pack } from 'tar-stream'
import type { StepReport, WorkspaceSpec } from '../../driver'
import { placeArchive } from '../archive'
import type { EngineClient } from '../client'

/**
 * Parts of the source at second places of the workspace's container, where the source has a volume: as symbolic links,
 * which are followed inside the container alone. A place that the image fills already stays as it is, and is named.
 */
export async function linkParts(
  client: EngineClient,
  containerId: string,
  { definition, sourceFolder = definition.workspaceFolder, bindFolder }: WorkspaceSpec,
  report: StepReport,
  signal: AbortSignal,
): Promise<void> {
  if (bindFolder !== undefined) return
  for (const { path, target, readOnly } of definition.sourceMounts ?? []) {
    const tar = pack()
    tar.entry({ name: target.slice(1), type: 'symlink', linkname: posix.join(sourceFolder, path) })
    tar.finalize()
    const refusal = await placeArchive(client, containerId, tar, signal)
    if (refusal !== undefined)
      report.output(`${target} is not the source's ${path}: the image has something there\n`)
    else if (readOnly) report.output(`${target} can be written to, as the source can\n`)
  }
}
