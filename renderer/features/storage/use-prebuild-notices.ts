import { useEffect, useRef } from 'react'
import { useCollection } from '../../lib/hooks'
import { navigate, useNavigation } from '../../lib/navigation'
import { notify } from '../../lib/notify'
import { prebuildWishOf } from '../../lib/prebuilds'

/** Says how a prebuild of this window has ended, where the user does not see that anyway. */
export function usePrebuildNotices(): void {
  const operations = useCollection('operations')
  const running = useRef<ReadonlySet<string>>(new Set())
  useEffect(() => {
    const own = operations.filter((one) => one.kind === 'prebuild' && prebuildWishOf(one))
    const { view } = useNavigation.getState().route
    for (const { id, state, workspaceName, problem } of own) {
      if (!running.current.has(id) || view === 'storage' || view === 'create') continue
      const action = { label: 'Show', run: () => navigate({ view: 'storage' }) }
      if (state === 'succeeded')
        notify({ tone: 'good', title: `The prebuild of ${workspaceName} is made`, action })
      if (state === 'failed')
        notify({
          tone: 'bad',
          title: `The prebuild of ${workspaceName} could not be made`,
          ...(problem && { text: problem.title }),
          action,
        })
    }
    running.current = new Set(own.filter(({ state }) => state === 'running').map(({ id }) => id))
  }, [operations])
}
