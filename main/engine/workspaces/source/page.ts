import { ProblemError, type Source } from '#contract'
import type { Platform } from '../../platform/platform'
import { existingRef } from '../git'
import { checkBranch } from './checks'
import type { Typed } from './parse'

/**
 * Tells the branch or tag in a forge's page from what is below it: of the beginnings that the server has, the longest,
 * as forges do it. Where the server cannot be asked, or has none of them, the source stays as it was guessed: making
 * the workspace then says what is wrong.
 */
export async function resolvePage(
  platform: Platform,
  { source, page, below }: Typed,
  signal: AbortSignal,
): Promise<{ readonly source: Source; readonly below?: string }> {
  if (source.kind !== 'git' || page === undefined) return below === undefined ? { source } : { source, below }
  const parts = page.split('/')
  const beginnings = parts.map((_, index) => parts.slice(0, index + 1).join('/')).filter(isBranch)
  const name = await existingRef(platform, source.url, beginnings.reverse(), signal)
  if (name === undefined) return { source }
  const rest = page.slice(name.length + 1)
  return { source: { ...source, ref: { kind: 'branch', name } }, ...(rest === '' ? {} : { below: rest }) }
}

function isBranch(name: string): boolean {
  try {
    checkBranch(name)
    return true
  } catch (error) {
    if (error instanceof ProblemError) return false
    throw error
  }
}
