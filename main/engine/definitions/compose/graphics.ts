import { fieldLayers, itemsOf, type Layer, lastLayer, plainText } from './layer'

/**
 * Whether the workspace's own service wants graphics processors: by `gpus`, by the devices that `deploy` keeps for it
 * (Compose Deploy Specification, "devices"), or by the runtime that gives them. As with `docker run --gpus` a workspace
 * has all that there are. What is no graphics processor is named. Throws `definition-invalid`.
 */
export function wantsGraphics(layers: readonly Layer[]): boolean {
  const resources = fieldLayers(fieldLayers(layers, 'deploy'), 'resources')
  const devices = itemsOf(fieldLayers(fieldLayers(resources, 'reservations'), 'devices')).filter(isGraphics)
  const gpus = itemsOf(fieldLayers(layers, 'gpus')).filter(({ value }) => {
    if (value.type !== 'string' && value.type !== 'object')
      throw value.mustBe('"all" or a list of devices', 'Write "gpus: all".')
    value.skip()
    return true
  })
  const runtime = lastLayer(layers, 'runtime')
  const byRuntime = runtime !== undefined && plainText(runtime) === 'nvidia'
  if (runtime && !byRuntime) runtime.value.ignore('containers are run as the target usually runs them')
  return devices.length + gpus.length > 0 || byRuntime
}

function isGraphics(layer: Layer): boolean {
  const names = itemsOf(fieldLayers([layer], 'capabilities')).map((item) => plainText(item))
  if (names.includes('gpu')) {
    layer.value.skip()
    return true
  }
  layer.value.ignore('devices are not passed on')
  return false
}
