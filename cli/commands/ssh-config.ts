import { readFile } from 'node:fs/promises'
import { commandName } from '../command-name'
import type { SshConfigDocument } from '../documents'
import type { CommandContext } from '../execute'
import { UsageError } from '../exit-codes'

/** `berth ssh-config`: lets OpenSSH, and whatever uses it, know workspaces by name; or shows how. */
export async function sshConfig(context: CommandContext, action: string): Promise<undefined> {
  const engine = await context.engine()
  const { sshConfig: config } = engine.access
  if (action === 'show') {
    const { isInstalled, file, line } = await config.status()
    const paths = await config.prepare()
    const text = await readFile(paths.config, 'utf8')
    if (context.json) {
      context.document({
        installed: isInstalled,
        file,
        line,
        config: paths.config,
        text,
      } satisfies SshConfigDocument)
      return
    }
    context.print(text.trimEnd())
    context.say(
      isInstalled
        ? `\n${file} includes it.`
        : `\n${file} does not include it. \`${commandName()} ssh-config install\` puts this line first in it:\n${line}`,
    )
    return
  }
  if (action !== 'install' && action !== 'remove')
    throw new UsageError(`It is install, remove or show, and not “${action}”.`)
  const status = action === 'install' ? await config.install() : await config.remove()
  if (context.json) {
    context.document({
      installed: status.isInstalled,
      file: status.file,
      line: status.line,
    } satisfies SshConfigDocument)
    return
  }
  context.say(
    status.isInstalled
      ? `First in ${status.file} is now:\n${status.line}\nssh <workspace>.berth works, and scp, sftp, rsync and git with it.`
      : `${status.file} is as it was without Berth.`,
  )
}
