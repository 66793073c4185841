import type { Driver } from '../../drivers/driver'
import type { Prepared } from './image'

/**
 * Names what runs as another user than it is meant for: a pod in which Berth waits runs as whoever works in it, and what
 * Features have begun with the container then does so too.
 */
export function nameContainerUser(driver: Pick<Driver, 'cluster'>, prepared: Prepared): Prepared {
  const { definition, image } = prepared
  const { user, imageUser } = image
  const begun = definition.featureEntrypoints ?? []
  const waits = definition.overrideCommand && user.shell !== undefined
  if (!driver.cluster || begun.length === 0 || !waits) return prepared
  const [wanted = ''] = (definition.containerUser ?? imageUser).split(':')
  const isSame =
    wanted === user.name || wanted === String(user.uid) || (user.uid === 0 && ['', 'root'].includes(wanted))
  if (isSame) return prepared
  const reason = `on a cluster what Features run when the container starts runs as ${user.name}, as all of the pod does, and not as ${wanted || 'root'}`
  return {
    ...prepared,
    definition: {
      ...definition,
      notApplied: [...definition.notApplied, { field: 'entrypoint', reason }],
    },
  }
}
