import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type BuildRepository, buildRepositoryKey, type Definition, type Source } from '#contract'
import { cloneRepository } from '../git'
import type { RunningOperation } from '../operations'
import { buildsOf } from './build-elsewhere'
import { type ActionContext, steps } from './context'
import { checkedRepository } from './repositories'

/** The repositories that images are built of in place of the source, each once. */
function repositoriesOf(definition: Definition): BuildRepository[] {
  const found = buildsOf(definition).flatMap(({ build: { repository } }) => repository ?? [])
  return [...new Map(found.map((one) => [buildRepositoryKey(one), one])).values()]
}

/** What {@link cloneBuildRepositories} does, to be planned. */
export function buildRepositorySteps(definition: Definition) {
  return repositoriesOf(definition).length > 0 ? [steps.contexts] : []
}

/**
 * Clones the repositories that images are built of, by the user's own git as any source, below `temporary`, and returns
 * their roots by {@link buildRepositoryKey}. Of git itself nothing is left in them, as with builds of Docker's own. Rejects
 * with the Problem of the first that cannot be had.
 */
export async function cloneBuildRepositories(
  { platform }: Pick<ActionContext, 'platform'>,
  operation: RunningOperation,
  from: { readonly definition: Definition; readonly source: Source; readonly temporary: string },
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const repositories = repositoriesOf(from.definition)
  if (repositories.length === 0) return {}
  const roots: Record<string, string> = {}
  await operation.step(
    'contexts',
    async (report, stepSignal) => {
      for (const [index, repository] of repositories.entries()) {
        const root = join(from.temporary, `context-${index}`)
        // What an earlier attempt of the same action left.
        await rm(root, { recursive: true, force: true })
        const source = await checkedRepository(platform, repository, from.source, stepSignal)
        report.output(`${repository.url}\n`)
        const { warning } = await cloneRepository(platform, source, root, report, stepSignal)
        if (warning) report.output(`${warning}\n`)
        await rm(join(root, '.git'), { recursive: true, force: true })
        roots[buildRepositoryKey(repository)] = root
      }
    },
    signal,
  )
  return roots
}
