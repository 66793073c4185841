import { itemsOf, type Layer, lastLayer } from './layer'
import { namesEnvironment } from './variables'
import { splitWords } from './words'

/**
 * `command` or `entrypoint`: a list, or a line that is split as a shell splits it. Undefined where nothing is said, or
 * where `null` takes away what lower layers say; empty where it is said to be empty.
 */
export function readWords(layers: readonly Layer[], field: 'command' | 'entrypoint'): string[] | undefined {
  const top = layers.findLast((layer) => layer.fields().has(field))
  // Here, unlike anywhere else, null says something: the image's own.
  if (top?.fields().get(field)?.type === 'null') return undefined
  const layer = lastLayer(layers, field)
  if (!layer) return undefined
  if (layer.value.type === 'array') {
    return itemsOf([layer]).map((item) =>
      item.value.type === 'string' ? commandText(item) : item.value.scalar(),
    )
  }
  const words = splitWords(commandText(layer, 'Write a list of arguments, or a line.'))
  if (!words)
    throw layer.value.mustBe('a line whose quotes are closed', 'Close every quote, or write a list.')
  return words
}

/** Text of a command, in which no variable can stay as written: what comes from this machine's environment is named. */
export function commandText({ value }: Layer, example = ''): string {
  const text = value.type === 'number' || value.type === 'boolean' ? value.raw() : value.text(example)
  if (namesEnvironment(value)) {
    value.ignore(
      'it is applied, but with the value that your environment has now, which is stored in clear; use "environment" for secrets',
    )
  }
  return text
}
