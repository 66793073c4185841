import type { Mount } from '#contract'
import { shorten, type Value } from '../document/value'
import { containerPath } from '../paths'
import { sizeOf } from './values'

/** `/run` or `/run:size=64m`, as `--tmpfs` and Compose have it. Throws `definition-invalid`. */
export function readTmpfs(text: string, place: Value): Mount {
  const [path = '', ...rest] = text.split(':')
  const target = containerPath(path)
  if (target === undefined || target === '/')
    throw place.mustBe('a mount with an absolute target such as /run')
  let size: number | undefined
  for (const option of rest.join(':').split(',')) {
    const [, amount] = /^size=(.+)$/.exec(option) ?? []
    const bytes = amount === undefined ? undefined : sizeOf(amount)
    if (bytes !== undefined) size = bytes
    else if (option !== '' && option !== 'rw')
      place.ignore(`the option ${shorten(option)} is not applied; the mount itself is`)
  }
  return { type: 'tmpfs', target, ...(size === undefined ? {} : { size }) }
}
