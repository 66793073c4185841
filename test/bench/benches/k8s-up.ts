import { objectName, podName } from '../../../main/engine/drivers/kubernetes/workspace/anatomy'
import { newWorkspaceId } from '../../../main/engine/workspaces/source/name'
import { command, tryCommand } from '../../harness/command'
import { TEST_IMAGES } from '../../harness/images'
import type { TestNamespace } from '../../harness/kubernetes/namespaces'
import type { Bench } from '../bench'
import { referenceText } from '../kubernetes/cluster'
import { openPlace, type Place } from '../kubernetes/place'
import { benchName } from '../workspace'

/** Kinds of a workspace's objects that are applied; its pod is the StatefulSet's. */
const KINDS = 'persistentvolumeclaim,networkpolicy,statefulset'

/** What a user waits for, from an image that its node has. What is made is removed between the measurements. */
export const up: Bench = {
  name: 'k8s-up',
  title: 'image-only workspace ready / kubectl apply of the same objects, and kubectl wait for the pod',
  unit: 'ms',
  target: { kind: 'ratio', atMost: 1.15 },
  rounds: 9,
  async prepare() {
    const place = await openPlace()
    // Elsewhere: Berth would take the reference's objects for a workspace, and look after it.
    const elsewhere = await place.cluster.makeNamespace()
    const model = await place.berth.workspace()
    const objects = await modelOf(place, model.id)
    await place.berth.act('workspaces.delete', { workspaceId: model.id })
    return {
      async ours() {
        const started = performance.now()
        const workspaceId = await place.berth.act('workspaces.create', {
          targetId: place.targetId,
          source: { kind: 'image', image: TEST_IMAGES.debian },
          name: benchName(),
        })
        const took = performance.now() - started
        await place.berth.act('workspaces.delete', { workspaceId })
        return took
      },
      reference: () => applied(place, elsewhere, objects),
      facts: async () => [{ what: 'reference', value: await referenceText(place), pass: true }],
      async dispose() {
        await place.dispose()
        await elsewhere.dispose()
      },
    }
  },
}

/** The objects of a workspace as a file would have them: for another id and namespace that are filled in. */
async function modelOf(place: Place, id: string): Promise<(id: string, namespace: string) => string> {
  const listed = await place.admin('get', KINDS, '-l', `berth.dev/workspace=${id}`, '-o', 'json')
  const { items } = JSON.parse(listed) as { readonly items: readonly Stored[] }
  const asFile = items.map(({ status: _, metadata, spec, ...rest }) => {
    const { volumeName: _v, ...kept } = spec
    const { name, labels, annotations = {} } = metadata
    const own = Object.entries(annotations).filter(([key]) => key.startsWith('berth.dev/'))
    return {
      ...rest,
      metadata: { name, labels, annotations: Object.fromEntries(own), namespace: place.namespace },
      spec: kept,
    }
  })
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: asFile })
  return (other, namespace) => text.replaceAll(id, other).replaceAll(place.namespace, namespace)
}

interface Stored {
  readonly status?: unknown
  readonly metadata: {
    readonly name: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: Readonly<Record<string, unknown>>
}

/** Milliseconds of a person with kubectl and the objects in a file. */
async function applied(
  place: Place,
  { name }: TestNamespace,
  objects: (id: string, namespace: string) => string,
): Promise<number> {
  const id = newWorkspaceId()
  // kubectl asks for more than Berth's Role allows.
  const as = ['--kubeconfig', place.cluster.kubeconfig, '--namespace', name]
  const { program } = place.kubectl
  const file = objects(id, name)
  const started = performance.now()
  await command(program, [...as, 'apply', '-f', '-'], { input: file })
  // It ends at once where there is no pod yet.
  const wait = [...as, 'wait', '--for=condition=Ready', `pod/${podName(id)}`, '--timeout=120s']
  for (;;) {
    const { code, stderr } = await tryCommand(program, wait)
    if (code === 0) break
    if (!stderr.includes('NotFound')) throw new Error(`kubectl wait: ${stderr}`)
  }
  const took = performance.now() - started
  await command(program, [...as, 'delete', 'statefulset', objectName(id)])
  const force = ['--ignore-not-found', '--force', '--grace-period=0']
  await command(program, [...as, 'delete', 'pod', podName(id), ...force])
  await command(program, [...as, 'delete', '--ignore-not-found', '-f', '-'], { input: file })
  return took
}
