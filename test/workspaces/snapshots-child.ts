import type { DataSource } from '#contract'
import { Machine, Rig } from './rig'

/**
 * A Berth process of its own, to be killed: takes a snapshot of a workspace on the machine whose home is the first
 * argument, or, with a third one (JSON), puts other data into it. Prints a line once the operation has begun. Sees the
 * cluster of `BERTH_TEST_CHILD_KUBECONFIG` where that is set, and else Docker.
 */
const [, , home = '', workspaceId = '', from = ''] = process.argv
const { BERTH_TEST_CHILD_KUBECONFIG: KUBECONFIG } = process.env
const rig = KUBECONFIG
  ? new Rig(new Machine({ KUBECONFIG }, home), { kind: 'kubernetes' })
  : new Rig(new Machine({}, home))
await rig.service.settled
const never = new AbortController().signal
const { handlers } = rig.service
if (from === '') await handlers['data.snapshot']({ workspaceId }, never)
else await handlers['data.restore']({ workspaceId, from: JSON.parse(from) as DataSource }, never)
process.stdout.write('begun\n')
