import { type Credential, GitOrigin } from '#contract'
import type { Engine } from '../../main/engine/engine'
import { credentialText } from '../consent'
import type { CredentialsDocument } from '../documents'
import type { CommandContext } from '../execute'
import { UsageError } from '../exit-codes'
import { findWorkspace } from '../select'
import { table } from '../text'
import { workspaceLabel } from '../workspace-document'

/** `berth credentials`: what workspaces are given without a question. */
export async function credentials(context: CommandContext, text: string | undefined): Promise<undefined> {
  const engine = await context.engine()
  const one = text === undefined ? undefined : await findWorkspace(engine, text, context.signal)
  if (!one) await engine.settled
  const granted = engine.collections.grants.list().flatMap((grant) => {
    const workspace = engine.collections.workspaces.get(grant.id)
    const isMeant = workspace?.targetId === grant.targetId && (!one || one.id === grant.id)
    return workspace && isMeant ? [{ grant, workspace }] : []
  })
  if (context.json) {
    const list = granted.map(({ grant: { git, gpg, id, ssh }, workspace: { name } }) => ({
      id,
      name,
      git,
      ssh,
      gpg,
    }))
    context.document({ credentials: list } satisfies CredentialsDocument)
    return
  }
  const rows = granted.flatMap(({ grant: { git, gpg, ssh }, workspace }) => {
    const label = workspaceLabel(engine, workspace)
    return [
      ...git.map((origin) => [label, origin]),
      ...(ssh ? [[label, 'ssh']] : []),
      ...(gpg ? [[label, 'gpg']] : []),
    ]
  })
  if (rows.length > 0) context.print(table(['WORKSPACE', 'MAY USE'], rows))
  else context.say('Nothing is given to a workspace without a question.')
}

/** `berth credentials allow|revoke`. */
export async function changeCredentials(
  context: CommandContext,
  verb: 'allow' | 'revoke',
  text: string,
  what: string,
): Promise<undefined> {
  const credential = parseCredential(what)
  const engine: Engine = await context.engine()
  const workspace = await findWorkspace(engine, text, context.signal)
  await engine.call(`credentials.${verb}`, { workspaceId: workspace.id, credential }, context.signal)
  const label = workspaceLabel(engine, workspace)
  context.say(
    verb === 'allow'
      ? `${label} gets ${credentialText(credential)} without a question.`
      : `${label} has to ask for ${credentialText(credential)}.`,
  )
}

/** `ssh`, `gpg`, or the scheme and host of a git server; a host alone is meant by https. */
export function parseCredential(text: string): Credential {
  if (text === 'ssh' || text === 'gpg') return { kind: text }
  const address = (/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`).toLowerCase().replace(/\/$/, '')
  const origin = GitOrigin.safeParse(address)
  if (origin.success) return { kind: 'git', origin: origin.data }
  throw new UsageError(`“${text}” is neither ssh, gpg nor a git server such as https://github.com.`)
}
