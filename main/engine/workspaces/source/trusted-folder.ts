import { pack } from 'tar-stream'
import { ProblemError } from '#contract'
import type { Driver, WorkspaceSpec } from '../../drivers/driver'
import type { Logger } from '../../platform/logger'
import { volumeReader } from './volume-reader'

/** Longer ones are not taken for a configuration of git, in bytes. */
const LIMIT = 1024 * 1024

/**
 * Tells the git inside a workspace, whoever runs it, that the mounted folder is to be trusted: on this machine it
 * belongs to whom it belongs, which git would call “dubious ownership”. It also keeps git from forgetting worktrees
 * whose folders are not mounted. Both stand in the system-wide configuration of the container, which is made anew
 * with it; the repository's own configuration and the user's are left as they are. An image in which this cannot be
 * written is left as it is.
 */
export async function trustFolder(
  driver: Driver,
  spec: WorkspaceSpec,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  if (spec.bindFolder === undefined) return
  const folder = spec.sourceFolder ?? spec.definition.workspaceFolder
  try {
    const reader = volumeReader('/etc', (path, stop) => driver.read(spec.id, path, stop), signal)
    const before = Buffer.from((await reader.read('gitconfig', LIMIT)) ?? []).toString('latin1')
    const tar = pack()
    tar.entry(
      { name: 'gitconfig', mode: 0o644, uid: 0, gid: 0 },
      Buffer.concat([Buffer.from(before, 'latin1'), Buffer.from(trusting(before, folder))]),
    )
    tar.finalize()
    await driver.write(spec.id, '/etc', tar, signal)
  } catch (error) {
    // A container without /etc, or whose gitconfig is a link: it has no git that would read this.
    if (signal.aborted || !(error instanceof ProblemError)) throw error
    const { code, title } = error.problem
    if (code !== 'file-not-found' && code !== 'definition-invalid') throw error
    logger.info('git is not told of the mounted folder', { workspaceId: spec.id, reason: title })
  }
}

/** What is to follow a configuration. Submodules and nested repositories are meant by the `*` (git 2.46). */
export function trusting(before: string, folder: string): string {
  const quoted = folder.replace(/[\\"]/g, '\\$&')
  const newline = before === '' || before.endsWith('\n') ? '' : '\n'
  return `${newline}[safe]\n\tdirectory = "${quoted}"\n\tdirectory = "${quoted}/*"\n[gc]\n\tworktreePruneExpire = never\n`
}
