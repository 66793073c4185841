import type { V1PersistentVolumeClaim } from '@kubernetes/client-node'
import type { Volume } from '#contract'
import { quantityOf } from './quantity'

/** What a claim says of its volume. */
export function volumeOf(claim: V1PersistentVolumeClaim): Volume {
  const { spec, status } = claim
  const size = status?.phase === 'Bound' ? status.capacity?.storage : undefined
  const asked = spec?.resources?.requests?.storage
  const has = asked === undefined || (size !== undefined && quantityOf(size) >= quantityOf(asked))
  return {
    ...(size !== undefined && { size }),
    ...(!has && { asked, waitsFor: size === undefined ? 'It is not there yet' : growthOf(claim) }),
    ...(spec?.storageClassName && { storageClass: spec.storageClassName }),
  }
}

/** What a growth that was asked for waits for. */
function growthOf({ status }: V1PersistentVolumeClaim): string {
  const is = (type: string) =>
    status?.conditions?.some((one) => one.type === type && one.status === 'True') === true
  if (is('FileSystemResizePending')) return FILE_SYSTEM
  return is('Resizing')
    ? 'The storage driver is making it larger'
    : 'The storage driver has not taken it up yet'
}

/** A volume on which only its file system is too small is grown by the node, which some drivers let it do while in use. */
const FILE_SYSTEM = 'Its file system grows on its node, at the latest when the workspace starts next'

/** Whether all that others have to do for a growth is done. */
export const isGrown = ({ asked, waitsFor }: Volume) => asked === undefined || waitsFor === FILE_SYSTEM
