import { posix } from 'node:path'
import { addAgent, addHost, addSecret, type BuildExtras, setNetwork, setShmSize } from '../build-options'
import { insideRepository } from '../paths'
import { assignmentsOf } from './environment'
import { fieldLayers, flag, itemsOf, type Layer, lastLayer, plainText } from './layer'
import type { Project } from './project'

/** Fields of `build` (Compose specification, "Build") beside what an image is made of. */
export const buildExtraFields: readonly string[] = [
  'extra_hosts',
  'labels',
  'network',
  'no_cache',
  'pull',
  'secrets',
  'shm_size',
  'ssh',
]

/** Reads them. What cannot be had of one is named; Throws `definition-invalid` where one is none. */
export function readBuildExtras(layers: readonly Layer[], secrets: Project['secrets']): BuildExtras {
  const extras: BuildExtras = {}
  const refusing = (layer: Layer) => (reason: string) => layer.value.ignore(reason)
  const labels = assignmentsOf(fieldLayers(layers, 'labels'), 'Write, for example, "labels: {team: blue}".')
  if (labels.size > 0) extras.labels = Object.fromEntries(labels)
  const network = lastLayer(layers, 'network')
  if (network) setNetwork(network.value.text(), extras, refusing(network))
  const shmSize = lastLayer(layers, 'shm_size')
  if (shmSize) setShmSize(plainText(shmSize), extras, refusing(shmSize))
  if (flag(lastLayer(layers, 'no_cache'))) extras.noCache = true
  if (flag(lastLayer(layers, 'pull'))) extras.pull = true
  for (const layer of fieldLayers(layers, 'extra_hosts')) readHosts(layer, extras, refusing)
  for (const item of itemsOf(fieldLayers(layers, 'secrets'))) readSecret(item, secrets, extras)
  for (const layer of fieldLayers(layers, 'ssh')) readAgents(layer, extras, refusing)
  return extras
}

/** A list of `name:address` or `name=address`, or a map of addresses or lists of them. */
function readHosts(
  layer: Layer,
  extras: BuildExtras,
  refusing: (at: Layer) => (reason: string) => void,
): void {
  if (layer.value.type === 'array') {
    for (const item of layer.value.items()) addHost(item.text(), extras, refusing(layer.within(item)))
    return
  }
  for (const [name, value] of layer.fields('Write, for example, "extra_hosts: [host:192.0.2.1]".')) {
    for (const address of itemsOf([layer.within(value)]))
      addHost(`${name}:${address.value.text()}`, extras, refusing(address))
  }
}

function readAgents(
  layer: Layer,
  extras: BuildExtras,
  refusing: (at: Layer) => (reason: string) => void,
): void {
  if (layer.value.type === 'object') {
    for (const [name, value] of layer.fields()) {
      const path = value.type === 'null' ? '' : `=${value.text()}`
      addAgent(`${name}${path}`, extras, refusing(layer.within(value)))
    }
    return
  }
  for (const item of itemsOf([layer])) addAgent(item.value.text(), extras, refusing(item))
}

/** A name of those that the files declare, with a file of the source or a variable of this machine behind it. */
function readSecret(item: Layer, secrets: Project['secrets'], extras: BuildExtras): void {
  const simple = item.value.type !== 'object'
  const source = simple ? item : lastLayer([item], 'source')
  if (!source) throw item.value.mustBe('an object with "source"', 'Name one of those under "secrets".')
  const name = source.value.text()
  const declared = secrets.get(name)?.filter(({ value }) => value.type === 'object')
  if (!declared) {
    throw source.value.mustBe(
      'one of those that the files declare under "secrets"',
      'Declare it, with its file.',
    )
  }
  for (const field of simple ? [] : ['uid', 'gid', 'mode']) {
    const said = lastLayer([item], field)
    said?.value.ignore('the Dockerfile says who may read a secret')
  }
  const target = simple ? undefined : lastLayer([item], 'target')
  const id = target ? posix.basename(target.value.text()) : name
  const file = lastLayer(declared, 'file')
  const variable = lastLayer(declared, 'environment')
  const refuse = (reason: string) => item.value.ignore(reason)
  if (file) {
    // What leads out of the source is handed on as it is, to be named.
    const path = insideRepository(file.file.folder, file.value.text()) ?? '..'
    addSecret({ id, file: path }, extras, refuse)
  } else if (variable) addSecret({ id, env: variable.value.text() }, extras, refuse)
  else {
    addSecret({ id }, extras, refuse)
    refuse(`it has neither a file nor a variable; to give it one: --build-secret id=${id},src=FILE`)
  }
}
