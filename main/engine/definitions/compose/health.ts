import type { HealthCheck } from '#contract'
import { commandText } from './command'
import { parseDuration } from './duration'
import { refuseUnknown } from './fields'
import { fieldLayers, flag, type Layer, lastLayer, plainText } from './layer'

const example = 'Write, for example, "test: [CMD, pg_isready]".'

/** `healthcheck`, with the defaults of Compose; undefined where there is none that Berth can run. */
export function readHealth(layers: readonly Layer[]): HealthCheck | undefined {
  const section = fieldLayers(layers, 'healthcheck')
  const top = section.at(-1)
  if (!top) return undefined
  const test = lastLayer(section, 'test')
  const command = test && readTest(test)
  if (flag(lastLayer(section, 'disable')) || command?.length === 0) {
    top.value.ignore('a check that the image itself brings along is not switched off')
    return undefined
  }
  refuseUnknown(section, ['test', 'interval', 'timeout', 'retries', 'start_period', 'disable'], {
    start_interval: 'checks come at one interval',
  })
  if (!command) {
    top.value.ignore("without a test it would change the image's own check, which stays as it is")
    return undefined
  }
  const retries = lastLayer(section, 'retries')
  return {
    command,
    interval: duration(lastLayer(section, 'interval')) || 30_000,
    timeout: duration(lastLayer(section, 'timeout')) || 30_000,
    retries: (retries && count(retries)) || 3,
    startPeriod: duration(lastLayer(section, 'start_period')),
  }
}

/** An argument vector; empty for `NONE`. */
function readTest(test: Layer): string[] {
  if (test.value.type === 'string') return ['/bin/sh', '-c', commandText(test)]
  const [kind, ...words] = test.value.items(example)
  const name = kind?.choice(['CMD', 'CMD-SHELL', 'NONE'])
  if (name === 'NONE') return []
  const [line] = words
  if (name === undefined || line === undefined) throw test.value.mustBe('a command', example)
  if (name === 'CMD-SHELL') return ['/bin/sh', '-c', commandText(test.within(line))]
  return words.map((word) => commandText(test.within(word)))
}

function duration(layer: Layer | undefined): number {
  if (!layer) return 0
  const found = layer.value.type === 'string' ? parseDuration(layer.value.text()) : undefined
  if (found === undefined)
    throw layer.value.mustBe('a time of at most 24 days', 'Write, for example, "30s" or "1m30s".')
  return found
}

function count(layer: Layer): number {
  const number = Number(plainText(layer))
  if (!Number.isInteger(number) || number < 0 || number > 1_000_000) {
    throw layer.value.mustBe('a whole number')
  }
  return number
}
