import {
  type Definition,
  type IdlePolicy,
  type ImageAliases,
  type KubernetesOptions,
  type PolicyPreview,
  type Problem,
  problem,
  type Right,
  type Target,
} from '#contract'
import type { RepositoryReader } from '../../definitions/index'
import type { ResolvedImage, StepReport } from '../../drivers/driver'
import type { Platform } from '../../platform/platform'
import { applyPolicy, type PolicyOutcome } from '../../policy/apply'
import { withinFeatureCheck } from '../../policy/feature-check'
import { Findings, joinedViolation } from '../../policy/findings'
import { checkIdle, checkKeep } from '../../policy/idle'
import {
  buildsOfDefinition,
  checkImages,
  imageOfFeature,
  imagesOfDockerfile,
  type NamedImage,
} from '../../policy/images'
import type { LoadedPolicy } from '../../policy/loaded'
import { withinMirrors } from '../../policy/mirrors'
import { type ContainerLimits, checkStorage } from '../../policy/resources'
import { checkRights } from '../../policy/surroundings'
import type { DefinitionRequest } from '../source/definition'

/** What is asked for of a workspace, beside its definition. */
export interface Asked {
  readonly kubernetes: KubernetesOptions | undefined
  readonly idle: IdlePolicy | null | undefined
  /** See {@link PolicyRequest.exists}. */
  readonly exists: boolean
}

/** Dockerfiles longer than this are no person's, bytes. */
const LONGEST_DOCKERFILE = 1024 * 1024

/** The policies that hold for one workspace, and what they make of it. */
export class Governance {
  readonly #policies: readonly LoadedPolicy[]
  readonly #target: Target
  readonly #platform: Platform
  readonly #asked: Asked
  readonly #first: PolicyOutcome
  /** Of the builds of its definition, as far as they were looked at. */
  #images: readonly NamedImage[] = []

  constructor(policies: readonly LoadedPolicy[], target: Target, platform: Platform, asked: Asked) {
    this.#policies = policies
    this.#target = target
    this.#platform = platform
    this.#asked = asked
    this.#first = this.#apply(undefined)
  }

  get #isFree(): boolean {
    return this.#policies.length === 0
  }

  #apply(definition: Definition | undefined): PolicyOutcome {
    const { kubernetes, idle, imageAliases } = this.#platform.settings.get()
    return applyPolicy(this.#policies, {
      target: this.#target,
      kubernetes: this.#asked.kubernetes ?? {},
      idle: this.#asked.idle,
      settings: { kubernetes, idle, imageAliases },
      exists: this.#asked.exists,
      images: this.#images,
      ...(definition && { definition }),
    })
  }

  /** As what is asked for has it, where no policy has it otherwise. */
  get idle(): IdlePolicy | null {
    return this.#first.idle
  }

  /** What goes with a container beside its definition. */
  get additions(): {
    readonly kubernetes?: KubernetesOptions
    readonly labels?: Readonly<Record<string, string>>
    readonly limits?: ContainerLimits
  } {
    const { kubernetes, labels, limits } = this.#first
    const isCluster = this.#target.kind === 'kubernetes'
    const options = this.#isFree ? this.#asked.kubernetes : kubernetes
    return {
      ...(isCluster && options && { kubernetes: options }),
      ...(!isCluster && Object.keys(labels).length > 0 && { labels }),
      ...(!isCluster && Object.keys(limits).length > 0 && { limits }),
    }
  }

  get mirrors(): ImageAliases {
    return this.#first.mirrors
  }

  /** Rejects with `policy-refused` where what is asked for is not allowed whatever the definition says. */
  require(): void {
    refuse(this.#first.violations)
  }

  /** Images are got by the team's mirrors while this is under way. */
  within<T>(action: () => Promise<T>): Promise<T> {
    const hasRules = this.#policies.some(({ policy }) => policy.spec.images !== undefined)
    const run = hasRules
      ? () => withinFeatureCheck((...feature) => this.#checkFeature(...feature), action)
      : action
    return withinMirrors(this.#first.mirrors, run)
  }

  #checkFeature(reference: string, neededBy: string | undefined): void {
    const findings = new Findings()
    const where = neededBy === undefined ? 'the definition' : `the Feature ${neededBy}`
    // Within the action the settings have the mirrors of the team among their aliases.
    const { imageAliases } = this.#platform.settings.get()
    checkImages(this.#policies, imageOfFeature(reference, where), imageAliases, findings)
    refuse(findings.violations)
  }

  /**
   * A request whose Dockerfiles are looked at when its definition is read: before anything is made, and also where
   * nobody builds because there is a prebuild, which may be older than the team's rules.
   */
  looking(request: DefinitionRequest): DefinitionRequest {
    return { ...request, look: (definition, reader) => this.look(definition, reader) }
  }

  /** Looks at the images that a definition's Dockerfiles name. */
  async look(definition: Definition, reader: RepositoryReader | undefined): Promise<void> {
    const hasRules = this.#policies.some(({ policy }) => policy.spec.images !== undefined)
    if (!hasRules || !reader) return
    const found: NamedImage[] = []
    for (const build of buildsOfDefinition(definition)) {
      if (build.repository) {
        // It is cloned when it is built: what is in it now may be something else then.
        found.push({ image: undefined, where: build.repository.url, written: build.dockerfile })
        continue
      }
      const bytes =
        build.inline === undefined
          ? await reader.read(build.dockerfile, LONGEST_DOCKERFILE)
          : Buffer.from(build.inline)
      // One that is not there is the build's own Problem.
      if (bytes) found.push(...imagesOfDockerfile(build, Buffer.from(bytes).toString('latin1')))
    }
    this.#images = found
  }

  /** What policies come to for a definition, without refusing it. Undefined where there are none. */
  preview(definition: Definition): PolicyPreview | undefined {
    if (this.#isFree) return undefined
    const { explanations, violations } = this.#apply(definition)
    return {
      explanations: [...explanations],
      violations: [...violations],
      messages: this.#policies.flatMap(({ policy }) => {
        const { message } = policy.spec
        return message ? [{ policy: policy.metadata.name, ...message }] : []
      }),
    }
  }

  /** The definition as policies have it, which remembers what they changed. Rejects with `policy-refused`. */
  define(definition: Definition, report?: Pick<StepReport, 'output'>): Definition {
    if (this.#isFree) return withoutPolicy(definition)
    const { definition: changed = definition, explanations, violations } = this.#apply(definition)
    refuse(violations)
    for (const { policy, text } of explanations) report?.output(`Team policy ${policy}: ${text}.\n`)
    return { ...withoutPolicy(changed), ...(explanations.length > 0 && { policy: [...explanations] }) }
  }

  /** Checks the images of a build where its files are, before it begins. */
  async checkBuild(definition: Definition, reader: RepositoryReader | undefined): Promise<void> {
    if (this.#isFree) return
    await this.look(definition, reader)
    refuse(this.#apply(definition).violations)
  }

  /** What image and Features added is held against policies as well. */
  settle(prepared: { readonly definition: Definition; readonly image: ResolvedImage }) {
    if (this.#isFree) return prepared
    const before = prepared.definition.policy
    const definition = this.define(prepared.definition)
    return { ...prepared, definition: before ? { ...definition, policy: before } : definition }
  }
}

function withoutPolicy({ policy: _before, ...definition }: Definition): Definition {
  return definition
}

function refuse(violations: readonly Problem[]): void {
  const found = joinedViolation(violations)
  if (found) throw problem(found)
}

/** Rejects with `policy-refused` where a volume may not be so large. */
export function requireStorage(policies: readonly LoadedPolicy[], storage: string): void {
  const findings = new Findings()
  checkStorage(policies, storage, findings)
  refuse(findings.violations)
}

/** Rejects with `policy-refused` where a workspace may not be given these. */
export function requireRights(policies: readonly LoadedPolicy[], rights: readonly Right[]): void {
  const findings = new Findings()
  checkRights(policies, { container: { rights: [...rights], allowed: [...rights] } }, findings)
  refuse(findings.violations)
}

/** Rejects with `policy-refused` where a workspace may not have this idle time; null: never. */
export function requireIdle(policies: readonly LoadedPolicy[], idle: IdlePolicy | null): void {
  const findings = new Findings()
  checkIdle(policies, idle, findings)
  refuse(findings.violations)
}

/** Rejects with `policy-refused` where it may not be kept for so long. */
export function requireKeep(policies: readonly LoadedPolicy[], hours: number): void {
  const findings = new Findings()
  checkKeep(policies, hours, findings)
  refuse(findings.violations)
}
