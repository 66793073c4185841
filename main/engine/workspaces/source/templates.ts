import type { TemplateAnswer, TemplateReference } from '../../definitions/index'
import type { Driver } from '../../drivers/driver'

/** Looks up the templates of devfiles that a cluster keeps. */
export type TemplateLookup = (reference: TemplateReference, signal: AbortSignal) => Promise<TemplateAnswer>

/** How definitions that are read for a target find the templates of its cluster; nothing where it is none. */
export function templatesOf({ cluster }: Pick<Driver, 'cluster'>): { readonly templates?: TemplateLookup } {
  if (!cluster?.devfileTemplate) return {}
  const find = cluster.devfileTemplate.bind(cluster)
  return {
    async templates(reference, signal) {
      const answer = await find(reference, signal)
      if (answer.kind === 'found') return answer
      const what = `the DevWorkspaceTemplate "${reference.name}" of the namespace "${answer.namespace}"`
      switch (answer.kind) {
        case 'missing':
          return {
            kind: 'refused',
            cause: `There is no such object: ${what} is not there.`,
            remedy: 'Correct its name or its "namespace", or make the object in the cluster.',
          }
        case 'no-kind':
          return {
            kind: 'refused',
            cause: `The cluster has no DevWorkspaceTemplates, and so not ${what}: it lacks the custom resource of workspace.devfile.io/v1alpha2.`,
            remedy:
              'Install the DevWorkspace Operator or its custom resources in the cluster, or name the parent by "uri" or "id".',
          }
        case 'forbidden':
          return {
            kind: 'refused',
            cause: `You may not read ${what}.`,
            remedy: 'Ask for the right "get devworkspacetemplates.workspace.devfile.io" in that namespace.',
          }
      }
    },
  }
}
