import { ProblemError, problem } from '#contract'
import type { TargetFacts } from '../../driver'
import type { ApiClient } from '../api'
import { namespaceProblem } from '../diagnose/diagnose'
import { isStatus, statusOf } from '../status'
import { paths } from '../workspace/anatomy'
import { deniedActions } from './denied'
import { forbiddenProblem, missingRights } from './rights'

/** Milliseconds within which a cluster must say who it is. */
const LIMIT = 20_000

interface ServerVersion {
  readonly major: string
  readonly minor: string
  readonly gitVersion: string
  readonly platform: string
}

/**
 * Version, latency, identity and rights. Rejects with a Problem where no workspace could be shown; what else is missing
 * is told with the facts.
 */
export async function probeCluster(client: ApiClient, signal: AbortSignal): Promise<TargetFacts> {
  const { targetName, namespace } = client.identity
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT)])
    const version = await client.json<ServerVersion>('GET', '/version', { signal: limit })
    const before = performance.now()
    const refusal = await listOne(client, limit)
    const latency = performance.now() - before
    const [user, missing, wrong] = await Promise.all([
      userOf(client, limit),
      missingRights(client, limit),
      namespaceProblem(client, limit),
    ])
    if (wrong) throw problem(wrong)
    const asked = { namespace, user, minor: Number(digits(version.minor)) }
    if (refusal || missing.some(({ essential, verbs }) => essential && verbs.some(isLooking))) {
      if (missing.length === 0) throw refusal
      throw problem(forbiddenProblem(missing, { ...asked, title: `"${targetName}" cannot be used` }), refusal)
    }
    return {
      version: version.gitVersion.replace(/^v/, ''),
      apiVersion: `${digits(version.major)}.${digits(version.minor)}`,
      platform: version.platform,
      latency,
      identity: user,
      capabilities: { bindMounts: false, build: false, keepsContainerFiles: false, endsForSure: false },
      restriction:
        missing.length > 0
          ? forbiddenProblem(missing, { ...asked, title: `Not all of Berth works on "${targetName}"` })
          : undefined,
      denied: deniedActions(missing, asked.minor),
    }
  } catch (error) {
    if (error instanceof ProblemError) throw error
    const timedOut = error instanceof Error && error.name === 'TimeoutError'
    const thrown = timedOut ? Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }) : error
    throw client.failure(thrown, `The cluster "${targetName}" cannot be reached`, signal)
  }
}

const isLooking = (verb: string) => ['get', 'list', 'watch'].includes(verb)
const digits = (text: string) => /^\d+/.exec(text)?.[0] ?? '0'

/** A question that needs the right that everything here needs; gives the answer of a server that refuses it. */
async function listOne(client: ApiClient, signal: AbortSignal): Promise<Error | undefined> {
  try {
    await client.json('GET', paths(client.identity.namespace).statefulSets, {
      query: { limit: 1 },
      timeout: LIMIT,
      signal,
    })
    return undefined
  } catch (error) {
    if (error instanceof Error && isStatus(error, 403)) return error
    throw error
  }
}

/**
 * As the server calls this identity. Since 1.28 it says so when asked (KEP-3325); an older one names whom it refuses
 * something, and so is asked for what no Role of a namespace gives. Undefined for whoever may do that, too.
 */
async function userOf(client: ApiClient, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { status } = await client.json<{ status?: { userInfo?: { username?: string } } }>(
      'POST',
      '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      { json: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }, signal },
    )
    return status?.userInfo?.username
  } catch (error) {
    if (statusOf(error) === undefined) throw error
    const named = userIn(error)
    if (named !== undefined) return named
  }
  try {
    await client.json('GET', '/api/v1/namespaces', { query: { limit: 1 }, signal })
    return undefined
  } catch (error) {
    if (statusOf(error) === undefined) throw error
    return userIn(error)
  }
}

function userIn(error: unknown): string | undefined {
  return isStatus(error, 403) && error instanceof Error
    ? /User "([^"]*)"/.exec(error.message)?.[1]
    : undefined
}
