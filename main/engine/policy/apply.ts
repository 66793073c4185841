import type {
  Definition,
  IdlePolicy,
  ImageAliases,
  KubernetesOptions,
  PolicyExplanation,
  Problem,
  Target,
} from '#contract'
import { checkObjects } from './cluster-objects'
import { Findings } from './findings'
import { applyIdle } from './idle'
import { builderImages, checkImages, imagesOfDefinition, mirrorsOf, type NamedImage } from './images'
import type { LoadedPolicy } from './loaded'
import { applyResources, type ContainerLimits } from './resources'
import { limitServices } from './service-limits'
import { applyBuild, applyEnvironment, checkRights, checkTarget, labelsOf } from './surroundings'

/** A workspace as it is asked for. */
export interface PolicyRequest {
  readonly target: Pick<Target, 'id' | 'name' | 'kind'>
  /** Absent: it was not read yet, and what depends on it is left out. */
  readonly definition?: Definition
  /** Beyond those that the definition names: of Dockerfiles. */
  readonly images?: readonly NamedImage[]
  /** Of this workspace alone. */
  readonly kubernetes: KubernetesOptions
  readonly idle: IdlePolicy | null | undefined
  /** What the user's settings say. */
  readonly settings: {
    readonly kubernetes: KubernetesOptions
    readonly idle: IdlePolicy | null
    readonly imageAliases: ImageAliases
  }
  /** It was made before and is made anew: amounts that are too high are lowered, and not refused. */
  readonly exists: boolean
}

/** The same as policies will have it. */
export interface PolicyOutcome {
  readonly definition: Definition | undefined
  readonly kubernetes: KubernetesOptions
  readonly idle: IdlePolicy | null
  readonly labels: Readonly<Record<string, string>>
  readonly limits: ContainerLimits
  readonly mirrors: ImageAliases
  readonly explanations: readonly PolicyExplanation[]
  readonly violations: readonly Problem[]
}

/**
 * What policies make of a request. All of them apply: the strictest limit holds, what one refuses is refused, what is
 * allowed must be allowed by each; of variables, labels and mirrors of one name the last policy's holds. Pure.
 */
export function applyPolicy(policies: readonly LoadedPolicy[], request: PolicyRequest): PolicyOutcome {
  const findings = new Findings()
  const { target, settings, definition, exists } = request
  for (const by of policies) if (by.note !== undefined) findings.explain(by, by.note)
  checkTarget(policies, target, findings)
  const images = [...(definition ? imagesOfDefinition(definition) : []), ...(request.images ?? [])]
  checkImages(policies, images, settings.imageAliases, findings)
  const { kubernetes, limits } = applyResources(
    policies,
    {
      target: target.kind,
      asked: request.kubernetes,
      standing: settings.kubernetes,
      exists,
      ...(definition && { definition }),
    },
    findings,
  )
  // The one that it has was chosen before, and holds until somebody changes it.
  const idle = exists
    ? (request.idle ?? null)
    : applyIdle(policies, { asked: request.idle, standing: settings.idle }, findings)
  const labels = labelsOf(policies, findings)
  const isCluster = target.kind === 'kubernetes'
  const built = isCluster ? applyBuild(policies, kubernetes, settings.kubernetes, findings) : kubernetes
  const options =
    isCluster && Object.keys(labels).length > 0
      ? { ...built, labels: { ...(built.labels ?? settings.kubernetes.labels), ...labels } }
      : built
  if (definition && isCluster) {
    const build = { ...settings.kubernetes.build, ...built.build }
    checkImages(policies, builderImages(definition, build), settings.imageAliases, findings)
  }
  if (definition && isCluster) checkObjects(policies, definition, settings.imageAliases, findings)
  if (definition) checkRights(policies, definition, findings)
  const limited = definition && limitServices(policies, definition, findings)
  const changed = limited && applyEnvironment(policies, limited, findings)
  return {
    definition: changed,
    kubernetes: options,
    idle,
    labels,
    limits,
    mirrors: mirrorsOf(policies),
    explanations: findings.explanations,
    violations: findings.violations,
  }
}
