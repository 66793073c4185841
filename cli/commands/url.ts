import { problem } from '#contract'
import { commandName } from '../command-name'
import type { AddressDocument } from '../documents'
import type { CommandContext } from '../execute'
import { findWorkspace } from '../select'
import { servedPortsOf } from '../served'
import { briefWorkspace } from '../workspace-document'

/** `berth url`: the URL under which a port can be opened now. A URL lives as long as the process that serves it. */
export async function url(context: CommandContext, text: string, port: number): Promise<undefined> {
  const engine = await context.engine()
  const workspace = await findWorkspace(engine, text, context.signal)
  const served = (await servedPortsOf(workspace)).get(port)
  if (!served) {
    throw problem({
      code: 'not-found',
      title: `Nothing serves port ${port} of ${workspace.name} just now`,
      cause: 'A URL lives as long as a Berth process serves it: the window, `serve` or `forward`.',
      remedy: `Run \`${commandName()} serve ${workspace.name}\` in another terminal, or open the window.`,
    })
  }
  if (context.json) {
    context.document({
      workspace: briefWorkspace(workspace),
      port,
      local: served.local,
      url: served.url,
    } satisfies AddressDocument)
  } else {
    context.print(served.url)
  }
}
