import type { Handlers } from '../../platform/handlers'
import { readPolicy } from '../../policy/read'
import type { Targets } from '../targets'
import type { PolicyStore } from './store'

/** What answers the requests about team policies. */
export function createPolicyHandlers(
  store: PolicyStore,
  targets: Pick<Targets, 'collection' | 'driver'>,
): Pick<Handlers, 'policies.refresh' | 'policies.check'> {
  return {
    'policies.refresh': async ({ id }, signal) => {
      const clusters = targets.collection.list().flatMap((target) => {
        const driver = target.state === 'ready' ? targets.driver(target.id) : undefined
        return driver?.cluster ? [{ target, driver }] : []
      })
      await store.refresh(id, clusters, signal)
      return {}
    },
    'policies.check': async ({ text, path }) => {
      const found = readPolicy(path, Buffer.from(text, 'utf8'))
      return 'loaded' in found
        ? { policy: found.loaded.policy, problems: [] }
        : { problems: [...found.problems] }
    },
  }
}
