import { repositoryKey } from '#contract'
import type { Disposer } from '../platform/disposable'
import type { Handlers } from '../platform/handlers'
import type { Platform } from '../platform/platform'
import { Catalog } from './catalog'
import { makeRepository } from './new-repository'
import { preview, type Rendering, renderFiles } from './render'

type TemplateRequest = Extract<keyof Handlers, `templates.${string}`>

/** Templates and what becomes of them; needs no target. */
export interface Templates {
  readonly handlers: Pick<Handlers, TemplateRequest>
  readonly dispose: Disposer
}

export function createTemplates(platform: Platform): Templates {
  const catalog = new Catalog(platform)
  let { repositories } = platform.settings.get().templates
  const dispose = platform.settings.onChange(({ templates }) => {
    const kept = new Set(templates.repositories.map(repositoryKey))
    const gone = repositories.filter((one) => !kept.has(repositoryKey(one)))
    repositories = templates.repositories
    for (const one of gone)
      void catalog
        .forget(one)
        .catch((error) => platform.logger.warn('Templates could not be removed', { error: String(error) }))
  })
  const render = async (
    { template: reference, options, omit }: Parameters<Handlers['templates.render']>[0],
    signal: AbortSignal,
  ) => {
    const { template, tree } = await catalog.open(reference, signal)
    const rendering: Rendering = renderFiles(template, await tree.files(template.id), options, omit)
    return { template, rendering, shown: await preview(platform, template, rendering) }
  }
  return {
    dispose,
    handlers: {
      'templates.list': async ({ repository }, signal) => ({
        sources: await catalog.list(repository, signal),
      }),
      'templates.refresh': ({ repository }, signal) => catalog.refresh(repository, signal),
      'templates.render': async (input, signal) => (await render(input, signal)).shown,
      'templates.newRepository': async ({ folder, ...input }, signal) => {
        const { template, rendering } = await render(input, signal)
        const message = `Begin with the template “${template.name}”`
        return makeRepository(platform, folder, rendering, message, signal)
      },
    },
  }
}
