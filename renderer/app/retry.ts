import type { Operation } from '#contract'
import { collectionStores, request } from '../lib/engine'
import { createRequestOf, createWorkspace, perform } from '../lib/lifecycle'
import { navigate } from '../lib/navigation'
import { notifyProblem } from '../lib/notify'
import { makePrebuild, prebuildWishOf } from '../lib/prebuilds'

interface Ways {
  readonly onRetry?: () => void
  readonly onDismiss?: () => void
  readonly onChange?: () => void
}

/** How a failed or cancelled operation can be done again, done otherwise, or left. A create that failed left nothing, so it begins anew. */
export function retryOf(operation: Operation, open: (workspaceId: string) => void): Ways {
  const { id, kind, workspaceId, state } = operation
  if (state === 'running') return {}
  const onDismiss = () => {
    void request('operations.dismiss', { operationId: id }).then((result) => {
      if (!result.ok) notifyProblem(result.problem)
    })
    if (kind !== 'prebuild' && !collectionStores.workspaces.getState().records.has(workspaceId))
      navigate({ view: 'workspaces' })
  }
  if (state === 'succeeded') return { onDismiss }
  // These need to be told what to; their dialogs are where they are done again.
  if (kind === 'rename' || kind === 'grow' || kind === 'snapshot' || kind === 'restore') return { onDismiss }
  if (kind === 'prebuild') {
    const wish = prebuildWishOf(operation)
    if (!wish) return { onDismiss }
    return {
      onDismiss,
      onRetry: () => {
        void makePrebuild(wish).then((result) => {
          if (!result.ok) notifyProblem(result.problem)
        })
        onDismiss()
      },
    }
  }
  if (kind === 'create') {
    const again = createRequestOf(operation)
    if (!again) return { onDismiss }
    return {
      onDismiss,
      onChange: () => navigate({ view: 'create', text: again.text, asked: again.input }),
      onRetry: () => {
        void createWorkspace(again).then((result) => {
          if (!result.ok) notifyProblem(result.problem)
          else open(result.value.workspaceId)
        })
      },
    }
  }
  return { onDismiss, onRetry: () => void perform(kind, workspaceId) }
}
