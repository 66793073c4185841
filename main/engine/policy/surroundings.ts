import { z } from 'zod'
import { CLUSTER_BUILDER, type Definition, isPolicyTarget, type KubernetesOptions } from '#contract'
import type { Findings } from './findings'
import type { LoadedPolicy } from './loaded'

/** Variables of the team, under those of the definition unless they are to hold whatever it says. */
export function applyEnvironment(
  policies: readonly LoadedPolicy[],
  definition: Definition,
  findings: Findings,
): Definition {
  const added: Record<string, string> = {}
  const enforced = new Set<string>()
  const from = new Map<string, LoadedPolicy>()
  for (const by of policies) {
    for (const [name, given] of Object.entries(by.policy.spec.env ?? {})) {
      const { value, enforce = false } = typeof given === 'string' ? { value: given } : given
      // What one policy enforces another one's default does not undo.
      if (enforced.has(name) && !enforce) continue
      added[name] = value
      if (enforce) enforced.add(name)
      from.set(name, by)
    }
  }
  if (from.size === 0) return definition
  const containerEnv = { ...definition.containerEnv }
  const remoteEnv = { ...definition.remoteEnv }
  for (const [name, by] of from) {
    const value = added[name] ?? ''
    const own = Object.hasOwn(containerEnv, name)
    if (enforced.has(name)) {
      const differs = (own && containerEnv[name] !== value) || Object.hasOwn(remoteEnv, name)
      delete remoteEnv[name]
      containerEnv[name] = value
      findings.explain(
        by,
        `Variable ${name} is set${differs ? ', in place of what the definition says' : ''}`,
      )
    } else if (!own) {
      containerEnv[name] = value
      const others = policies.filter((one) => one !== by && one.policy.spec.env?.[name] !== undefined)
      const over =
        others.length > 0
          ? `, over that of ${others.map(({ policy }) => policy.metadata.name).join(', ')}`
          : ''
      findings.explain(by, `Variable ${name} is set${over}`)
    } else if (containerEnv[name] !== value)
      findings.explain(by, `Variable ${name} stays as the definition has it`)
  }
  return { ...definition, containerEnv, remoteEnv }
}

/** Labels of the team for all that is made; of one key the last policy's holds. */
export function labelsOf(policies: readonly LoadedPolicy[], findings: Findings): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const by of policies) {
    for (const [key, value] of Object.entries(by.policy.spec.labels ?? {})) {
      const over = labels[key] !== undefined && labels[key] !== value ? `, in place of ${labels[key]}` : ''
      labels[key] = value
      findings.explain(by, `Label ${key} is ${value === '' ? 'set' : value}${over}`)
    }
  }
  return labels
}

/** Who builds for a cluster and where that goes, unless somebody said. The last policy's holds. */
export function applyBuild(
  policies: readonly LoadedPolicy[],
  asked: KubernetesOptions,
  standing: KubernetesOptions,
  findings: Findings,
): KubernetesOptions {
  const build = { ...asked.build }
  for (const field of ['builder', 'pushTo'] as const) {
    if (build[field] !== undefined || standing.build?.[field] !== undefined) continue
    const by = policies.findLast(({ policy }) => policy.spec.build?.[field] !== undefined)
    const value = by?.policy.spec.build?.[field]
    if (!by || value === undefined) continue
    build[field] = value
    findings.explain(
      by,
      field === 'builder'
        ? `Images are built ${value === CLUSTER_BUILDER ? 'in the cluster' : `by ${value}`}`
        : `Images that are built go to ${value}`,
    )
  }
  return Object.keys(build).length > 0 ? { ...asked, build } : asked
}

/** Whether each policy that names targets offers this one. */
export function checkTarget(
  policies: readonly LoadedPolicy[],
  target: { readonly id: string; readonly name: string },
  findings: Findings,
): void {
  for (const by of policies) {
    const { targets } = by.policy.spec
    if (!targets || targets.some((entry) => isPolicyTarget(entry, target.id))) continue
    const names = targets.map((entry) => entry.name ?? targetName(entry))
    findings.violate(by, ['spec', 'targets'], {
      title: `${target.name} is no target of the team`,
      cause: 'Workspaces are made on certain targets alone, and this is none of them.',
      allowed:
        names.length > 0 ? `Choose one of these: ${names.slice(0, 8).join(', ')}.` : 'No target is allowed.',
    })
  }
}

function targetName(entry: NonNullable<LoadedPolicy['policy']['spec']['targets']>[number]): string {
  if ('docker' in entry) return `docker:${entry.docker}`
  return `kubernetes:${entry.kubernetes.context}/${entry.kubernetes.namespace ?? '*'}`
}

const AskedRight = z.looseObject({ kind: z.string(), value: z.string().default('') })
/** How a definition asks for more than every workspace has, and what of it the user allowed. */
const AskedRights = z.looseObject({
  container: z
    .looseObject({ rights: z.array(AskedRight).default([]), allowed: z.array(AskedRight).default([]) })
    .optional(),
})

/** What was allowed to a workspace although the team refuses it is a violation; what is only asked for is told. */
export function checkRights(
  policies: readonly LoadedPolicy[],
  definition: Pick<Definition, 'container'>,
  findings: Findings,
): void {
  const { rights = [], allowed = [] } = AskedRights.safeParse(definition).data?.container ?? {}
  for (const by of policies) {
    for (const [kind, say] of Object.entries(by.policy.spec.rights ?? {})) {
      if (say !== 'deny') continue
      const given = allowed.find((right) => right.kind === kind)
      if (given) {
        findings.violate(by, ['spec', 'rights', kind], {
          title: `The right “${[kind, given.value].filter(Boolean).join(' ')}” may not be given`,
          cause: 'It gives power over the machine that runs the workspace.',
          allowed: 'Make the workspace without it.',
        })
      } else if (rights.some((right) => right.kind === kind))
        findings.explain(by, `The right “${kind}” that the definition asks for is not given`)
    }
  }
}
