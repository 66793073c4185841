// The test cluster's storage: makes a volume, a folder on the node, for each claim that waits for one, grows it and
// removes it, as a storage driver does. What the controller manager has built in makes folders that root alone can
// write to; volumes of this one follow a pod's fsGroup, as those of real clusters do.
// `node provisioner.mjs <server> <authority.crt> <tokens.csv> <folder for volumes>`; runs on the node. Node's built-ins alone.
import { readFileSync } from 'node:fs'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { join } from 'node:path'

const provisioner = 'berth.test/folder'
const [server = '', authority = '', tokens = '', volumes = ''] = process.argv.slice(2)
const rows = readFileSync(tokens, 'utf8')
  .split('\n')
  .map((row) => row.split(','))
const token = rows.find(([, user]) => user === 'provisioner')?.[0]
const agent = new Agent({ ca: readFileSync(authority), keepAlive: true })

/**
 * The parts of objects that this program reads.
 * @typedef {object} KubernetesObject
 * @property {{ name: string, namespace?: string, uid: string, resourceVersion: string, deletionTimestamp?: string, annotations?: Record<string, string> }} metadata
 * @property {{ storageClassName?: string, volumeName?: string, accessModes?: string[], persistentVolumeReclaimPolicy?: string, resources?: { requests?: { storage?: string } } }} [spec]
 * @property {{ phase?: string, capacity?: { storage?: string } }} [status]
 * @property {string} [provisioner]
 * @property {string} [reclaimPolicy]
 * @property {string} [volumeBindingMode]
 * @property {boolean} [allowVolumeExpansion]
 */

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, type?: string }} [options]
 * @returns {Promise<import('node:http').IncomingMessage>}
 */
function ask(method, path, { body, type = 'application/json' } = {}) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, ...(body ? { 'content-type': type } : {}) }
    const asked = request(`${server}${path}`, { method, agent, headers }, resolve)
    asked.once('error', reject)
    asked.end(body ? JSON.stringify(body) : undefined)
  })
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, type?: string, allow?: number[] }} [options] `allow`: failures that are none
 * @returns {Promise<any>}
 */
async function call(method, path, { allow = [], ...options } = {}) {
  const answer = await ask(method, path, options)
  let text = ''
  for await (const chunk of answer) text += chunk
  const status = answer.statusCode ?? 0
  if (status >= 400 && !allow.includes(status)) throw new Error(`${method} ${path}: ${status} ${text}`)
  return JSON.parse(text)
}

/**
 * Hands each object of a list to `handle`, and each change of it, for ever.
 * @param {string} path
 * @param {(object: KubernetesObject) => Promise<void>} handle
 */
async function follow(path, handle) {
  for (;;) {
    try {
      const list = await call('GET', path)
      for (const item of list.items) await handle(item)
      const changes = await ask('GET', `${path}?watch=true&resourceVersion=${list.metadata.resourceVersion}`)
      changes.setEncoding('utf8')
      let rest = ''
      for await (const chunk of changes) {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() ?? ''
        for (const { type, object } of lines.map((line) => JSON.parse(line))) {
          if (type === 'ERROR') throw new Error(object.message)
          if (type !== 'DELETED') await handle(object)
        }
      }
    } catch (error) {
      console.error(String(error))
    }
    // The API server is away, or a change came too early for what it needs: the list shows it once more.
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** @param {KubernetesObject} claim */
async function serve(claim) {
  const { metadata, spec, status } = claim
  if (metadata.deletionTimestamp || !spec?.storageClassName) return
  if (metadata.annotations?.['volume.beta.kubernetes.io/storage-provisioner'] !== provisioner) return
  /** @type {KubernetesObject} */
  const storageClass = await call('GET', `/apis/storage.k8s.io/v1/storageclasses/${spec.storageClassName}`)
  const wanted = spec.resources?.requests?.storage
  if (status?.phase === 'Bound') {
    if (storageClass.allowVolumeExpansion && wanted !== status.capacity?.storage) await grow(claim)
    return
  }
  const waits = storageClass.volumeBindingMode === 'WaitForFirstConsumer'
  if (waits && !metadata.annotations['volume.kubernetes.io/selected-node']) return
  const name = `pvc-${metadata.uid}`
  const path = join(volumes, name)
  await mkdir(path, { recursive: true })
  await chmod(path, 0o755)
  const volume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
    spec: {
      storageClassName: spec.storageClassName,
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy,
      accessModes: spec.accessModes,
      capacity: { storage: wanted },
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: metadata.namespace,
        name: metadata.name,
        uid: metadata.uid,
      },
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['localhost'] }] },
          ],
        },
      },
    },
  }
  await call('POST', '/api/v1/persistentvolumes', { body: volume, allow: [409] })
}

/** @param {KubernetesObject} claim */
async function grow({ metadata, spec }) {
  const capacity = { storage: spec?.resources?.requests?.storage }
  const type = 'application/merge-patch+json'
  await call('PATCH', `/api/v1/persistentvolumes/${spec?.volumeName}`, { type, body: { spec: { capacity } } })
  const path = `/api/v1/namespaces/${metadata.namespace}/persistentvolumeclaims/${metadata.name}/status`
  await call('PATCH', path, { type, body: { status: { capacity, conditions: null } } })
}

/** @param {KubernetesObject} volume */
async function reclaim({ metadata, spec, status }) {
  if (metadata.annotations?.['pv.kubernetes.io/provisioned-by'] !== provisioner) return
  if (status?.phase !== 'Released' || spec?.persistentVolumeReclaimPolicy !== 'Delete') return
  await rm(join(volumes, metadata.name), { recursive: true, force: true })
  await call('DELETE', `/api/v1/persistentvolumes/${metadata.name}`, { allow: [404] })
}

await Promise.all([
  follow('/api/v1/persistentvolumeclaims', serve),
  follow('/api/v1/persistentvolumes', reclaim),
])
