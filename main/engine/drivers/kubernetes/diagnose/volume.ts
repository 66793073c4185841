import type { CoreV1Event, V1PersistentVolumeClaim } from '@kubernetes/client-node'
import type { Problem } from '#contract'
import { happenedAt } from './events'

/** Milliseconds in which a storage driver usually has made a volume. */
const USUAL = 15_000
const title = "The workspace's volume could not be made"

/**
 * What a Warning or FailedBinding of a claim means; undefined for events that tell of progress. What is missing in the
 * cluster does not come by waiting, and a driver that failed says so again if its next try fails.
 */
export function claimEventProblem({ reason, type, message = '' }: CoreV1Event): Problem | undefined {
  // The controller tells this one as Normal.
  if (/no storage class is set/i.test(message)) {
    return {
      code: 'storage-class-missing',
      title,
      cause: 'The cluster has no default storage class, and none was chosen.',
      remedy:
        "Choose a storage class in the workspace's options, or ask whoever runs the cluster for a default.",
      detail: message,
    }
  }
  const missing = /storageclass\.storage\.k8s\.io "([^"]*)" not found/i.exec(message)?.[1]
  if (missing !== undefined) {
    return {
      code: 'storage-class-missing',
      title,
      cause: `The cluster has no storage class "${missing}".`,
      remedy: "Choose a storage class that there is in the workspace's options, or none for the default.",
      detail: message,
    }
  }
  if (type !== 'Warning' || reason !== 'ProvisioningFailed') return undefined
  return {
    code: 'volume-failed',
    title,
    cause: `The storage driver failed: ${firstLine(message)}`,
    remedy: 'Choose another storage class or size, or ask whoever runs the cluster about its storage.',
    detail: message,
    actions: [{ kind: 'retry', label: 'Try again' }],
  }
}

/** What a storage driver's next try may not meet any more: it is away, or slow, or still at it. */
export function claimMayPass(message: string): boolean {
  return /deadline ?exceeded|\baborted\b|already exists for|in progress|unavailable|timed? ?out|connection refused/i.test(
    message,
  )
}

/** What is wrong with a claim. `events` are its own, in order; `wanted`: a pod waits for it. */
export function claimProblem(
  claim: V1PersistentVolumeClaim,
  events: readonly CoreV1Event[],
  { wanted, now }: { readonly wanted: boolean; readonly now: number },
): Problem | undefined {
  const { metadata, spec, status } = claim
  if (status?.phase === 'Lost') {
    return {
      code: 'volume-failed',
      title: "The workspace's volume is gone",
      cause: `The volume "${spec?.volumeName ?? ''}" behind its claim does not exist any more, and source and home with it.`,
      remedy:
        'If it can be restored, ask whoever runs the cluster. Else delete the workspace and make it again.',
    }
  }
  if (status?.phase === 'Bound') return growthProblem(claim, events)
  const known = events.map((event) => ({ event, problem: claimEventProblem(event) }))
  const worst = known.findLast(({ problem }) => problem !== undefined)
  const better = events.findLast(
    ({ reason }) => reason === 'ProvisioningSucceeded' || reason === 'Provisioning',
  )
  if (worst && (!better || happenedAt(better) <= happenedAt(worst.event))) return worst.problem
  const created = new Date(metadata?.creationTimestamp ?? now).getTime()
  if (!wanted || now - created < USUAL) return undefined
  const latest = events.at(-1)
  const driver =
    metadata?.annotations?.['volume.kubernetes.io/storage-provisioner'] ??
    metadata?.annotations?.['volume.beta.kubernetes.io/storage-provisioner']
  return {
    code: 'volume-pending',
    title: "The workspace's volume is not there yet",
    cause: driver
      ? `The storage driver "${driver}" has not made it yet${spec?.storageClassName ? ` (storage class "${spec.storageClassName}")` : ''}.`
      : 'Nothing has taken up its claim yet.',
    remedy: 'Wait. If it goes on, choose another storage class, or ask whether the storage driver runs.',
    ...(latest?.message && { detail: `${latest.reason}: ${latest.message}` }),
  }
}

/** That a Bound claim could not get the size that it asks for. `events` are its own, in order. */
export function growthProblem(
  { spec, status }: V1PersistentVolumeClaim,
  events: readonly CoreV1Event[],
): Problem | undefined {
  const asked = spec?.resources?.requests?.storage
  const failure = events.findLast(({ reason }) =>
    /^(VolumeResizeFailed|ExternalExpandingFailed)$/.test(reason ?? ''),
  )
  if (!failure || asked === status?.capacity?.storage) return undefined
  return {
    code: 'volume-failed',
    title: "The workspace's volume could not grow",
    cause: `It has ${status?.capacity?.storage ?? 'its old size'} and should have ${asked ?? 'more'}: ${firstLine(failure.message ?? '')}`,
    remedy: 'It can be used at its old size. Ask whoever runs the cluster about its storage.',
    detail: failure.message ?? '',
  }
}

/** The preparing of a volume found that it cannot; `message`: what it wrote. */
export function notWritable(message: string): Problem {
  return {
    code: 'permission-denied',
    title: "The workspace's volume cannot be written to",
    cause: 'Volumes of its storage class belong to root, and the workspace runs as another user.',
    remedy: 'Choose a storage class whose volumes follow fsGroup, or let the workspace run as root.',
    ...(message && { detail: message }),
  }
}

/** Why what a prebuild holds did not get into a new volume; `message` is what `cp` said. */
export function notCopied(message: string): Problem {
  return {
    code: 'volume-failed',
    title: 'The prebuild could not be copied into the volume',
    cause: `\`cp\` says: ${message.trim().split('\n').at(-1) || 'nothing'}`,
    remedy: /no space left/i.test(message)
      ? 'Ask for a larger volume, or make the workspace without the prebuild: `berth up --no-prebuild`.'
      : 'Let its commands write nothing that the user of the workspace cannot read, or make the workspace without the prebuild: `berth up --no-prebuild`.',
    ...(message && { detail: message }),
  }
}

/** Why a node cannot give a pod its volumes; `message` of a FailedMount or FailedAttachVolume event. */
export function mountProblem(message: string): Problem {
  if (/Multi-Attach|already (exclusively )?attached|already used by pod/i.test(message)) {
    return {
      code: 'volume-pending',
      title: "The workspace's volume is still on another node",
      cause: 'A volume is on one node at a time, and the node that has it has not let it go.',
      remedy:
        'Wait a few minutes. If the other node is lost, whoever runs the cluster has to remove it or the attachment.',
      detail: message,
    }
  }
  return {
    code: 'volume-failed',
    title: "The workspace's volume cannot be used",
    cause: `Its node says: ${firstLine(message)}`,
    remedy: 'The node tries again by itself. If it goes on, ask whoever runs the cluster about its storage.',
    detail: message,
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? ''
}
