import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Proposal, problem, type Source } from '#contract'
import type { Engine } from '../../main/engine/engine'
import { commandName } from '../command-name'
import type { InitDocument } from '../documents'
import type { CommandContext } from '../execute'
import { UsageError } from '../exit-codes'
import { printable } from '../text'
import { sourceText } from '../workspace-document'

export interface InitOptions {
  readonly print?: boolean
  readonly force?: boolean
}

/** `berth init`: a definition for a source that has none, printed or written into its folder. */
export async function init(
  context: CommandContext,
  text: string | undefined,
  { print = false, force = false }: InitOptions,
): Promise<undefined> {
  const engine = await context.engine()
  const source = await readSourceText(context, engine, text ?? '.')
  if (source.kind === 'image') throw noFolder(text ?? '.')
  if (source.kind !== 'folder' && !print)
    throw new UsageError('Only a folder of this machine can be written to: use --print for other sources.')
  const { candidates, proposal } = await engine.call('definitions.propose', { source }, context.signal)
  if (!proposal) throw nothingToPropose(source, candidates)
  const path =
    source.kind === 'folder' && !print
      ? (
          await engine.call(
            'definitions.save',
            { folder: source.path, text: proposal.text, replace: force },
            context.signal,
          )
        ).path
      : null
  if (context.json) {
    context.document({ path, text: proposal.text, reasons: proposal.reasons } satisfies InitDocument)
    return
  }
  if (path === null) {
    context.print(proposal.text.trimEnd())
    return
  }
  context.print(path)
  context.say(`It says: ${describeProposal(proposal)}. Try it with \`${commandName()} up ${text ?? '.'}\`.`)
}

/** A source as it is typed; a folder as seen from where the command runs. */
export async function readSourceText(context: CommandContext, engine: Engine, text: string): Promise<Source> {
  const typed = statSync(text, { throwIfNoEntry: false })?.isDirectory() ? resolve(text) : text
  const { source } = await engine.call('sources.parse', { text: typed }, context.signal)
  return source
}

/** `Node 22, npm ci, port 5173; because of package-lock.json, .nvmrc`. */
export function describeProposal({ reasons }: Pick<Proposal, 'reasons'>): string {
  const list = (parts: readonly string[]) => [...new Set(parts)].map(printable).join(', ')
  return `${list(reasons.map(({ what }) => what))}; because of ${list(reasons.map(({ because }) => because))}`
}

/** What names no folder may be the name of an image, which has no files to look into. */
function noFolder(text: string) {
  return problem({
    code: 'folder-not-found',
    title: `There is no folder ${printable(text)}`,
    cause: 'It would be the name of an image, and an image needs no definition.',
    remedy: 'Check how it is spelt, or make a workspace of the image with `berth up`.',
  })
}

function nothingToPropose(source: Source, candidates: readonly string[]) {
  const [first] = candidates
  return problem({
    code: first === undefined ? 'not-found' : 'file-exists',
    title: first === undefined ? 'There is nothing to propose' : 'There is a definition already',
    cause:
      first === undefined
        ? `The files of ${sourceText(source)} do not tell what it needs.`
        : `${sourceText(source)} has ${candidates.join(', ')}.`,
    remedy:
      first === undefined
        ? 'Write .devcontainer/devcontainer.json yourself, or name an image with `berth up --image`.'
        : 'Edit it, or take it away to begin anew.',
  })
}
