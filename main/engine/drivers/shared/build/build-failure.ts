import { ProblemError, problem } from '#contract'
import type { DockerLogins } from '../../../platform/docker-logins'
import { instructionsOf } from '../dockerfile-instructions'
import { parseReference } from '../image-reference'
import { pullProblem } from './image-problems'
import { diskFull, firstLine } from './words'

/** What a builder told of its failure. */
export interface BuildFailure {
  /** The builder's own words. */
  readonly message: string
  /** The image that was being got, where that is what failed. */
  readonly image?: string | undefined
  /** The instruction that failed: `RUN make`. */
  readonly instruction?: string | undefined
  /** What it printed last. */
  readonly lines?: readonly string[]
  /** The Dockerfile, for where the instruction stands in it. */
  readonly dockerfile?: { readonly path: string; readonly text: string } | undefined
  readonly builder: 'buildkit' | 'classic'
  /** Sentences on what the build asked for and did not get, to go with the remedy. */
  readonly hints?: readonly string[]
}

const title = 'The image could not be built'
/** What a registry's refusal looks like in a builder's words. */
const ofRegistry =
  /manifest|pull access|registry|unauthorized|authoriz|lookup|dial tcp|denied|i\/o timeout|x509|not found/i
/** What only BuildKit's reader of Dockerfiles knows, in the classic builder's words. */
const ofBuildKit =
  /requires BuildKit|the --(mount|chmod|link|security|network) option|unknown flag: (mount|link|chmod|security|parents|exclude)/i
/** Here-documents and newer flags, in the words of a reader that does not know them. */
const ofNewerReader =
  /unknown flag: (link|parents|exclude|checksum)|unknown instruction: (EOF|\S*EOF)|<<-?["']?[A-Za-z_]/i

/** The Problem of a build that failed. */
export async function buildProblem(
  failure: BuildFailure,
  targetName: string,
  logins: DockerLogins,
): Promise<ProblemError> {
  const { message, image, instruction, lines = [], builder, hints = [] } = failure
  if (/no space left on device/i.test(message)) return new ProblemError(diskFull(title, targetName, message))
  const code = /(?:returned a non-zero code|exit code): (\d+)/.exec(message)?.[1]
  if (!code && image && ofRegistry.test(message)) {
    const { registry } = parseReference(image)
    const authenticated = (await logins.of(registry)) !== undefined
    return new ProblemError(pullProblem(message, { image, registry, targetName, authenticated }))
  }
  const detail = [message, ...lines].join('\n')
  if (builder === 'classic' && ofBuildKit.test(message)) return problem({ ...classicOnly, title, detail })
  const place = instruction === undefined ? undefined : placeOf(instruction, failure.dockerfile)
  if (!code && builder === 'buildkit' && ofNewerReader.test(`${message}\n${instruction ?? ''}`))
    return problem({ ...newerReader, title, detail })
  const cause = code
    ? place === undefined
      ? `A command of the Dockerfile ended with code ${code}.`
      : `${place} ended with code ${code}.`
    : `${place === undefined ? '' : `${place} failed: `}${firstLine(message)}`
  const remedy = [...hints, 'See the build log, correct the Dockerfile and try again.'].join(' ')
  return problem({ code: 'build-failed', title, cause, remedy, detail })
}

const classicOnly = {
  code: 'build-failed',
  cause: "The Dockerfile uses something that this engine's classic builder does not know (BuildKit syntax).",
  remedy:
    'Use an engine with BuildKit (Docker 20.10 or newer, without DOCKER_BUILDKIT=0), write the Dockerfile without it, or build the image elsewhere and name it in the definition.',
} as const

const newerReader = {
  code: 'build-failed',
  cause: 'The Dockerfile uses something that is newer than the BuildKit of this engine.',
  remedy:
    'Begin the Dockerfile with "# syntax=docker/dockerfile:1", so that a newer reader is fetched for it, or update Docker.',
} as const

/** Longest part of an instruction that a sentence shows, in characters. */
const SHOWN = 120

/** `The instruction "RUN make" (Dockerfile, line 3)`. */
function placeOf(instruction: string, dockerfile: BuildFailure['dockerfile']): string {
  const shown = instruction.length > SHOWN ? `${instruction.slice(0, SHOWN)}…` : instruction
  const line = dockerfile && lineOf(instruction, dockerfile.text)
  const place = line === undefined ? '' : ` (${dockerfile?.path}, line ${line})`
  return `The instruction "${shown}"${place}`
}

/** Where an instruction begins, from 1; undefined where it is not there as it was told, or more than once. */
export function lineOf(instruction: string, dockerfile: string): number | undefined {
  const wanted = instruction.trim().split(/\s+/)
  const all = [...instructionsOf(dockerfile)]
  const texts = all.map(({ name, words }) => [name, ...words.flatMap(({ text }) => text.split(/\s+/))])
  // Variables are filled in, and here-documents shortened: what has only its beginning in common may be it as well.
  for (const length of [Number.POSITIVE_INFINITY, 4, 3, 2]) {
    const found = texts.flatMap((words, index) => {
      const same = words.slice(0, length).join(' ') === wanted.slice(0, length).join(' ')
      return same && (length !== Number.POSITIVE_INFINITY || words.length === wanted.length) ? [index] : []
    })
    const start = found.length === 1 ? all[found[0] ?? 0]?.words[0]?.start : undefined
    if (start !== undefined) return dockerfile.slice(0, start).split('\n').length
    if (found.length > 1) return undefined
  }
  return undefined
}
