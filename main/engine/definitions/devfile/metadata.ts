import { shorten, type Value } from '../document/value'
import { architectures, devfileFields } from './fields'
import { quoted, readList, readTexts, skipObject } from './shape'

const version =
  /^\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[0-9a-z-]{1,50}(?:\.[0-9a-z-]{1,50}){0,10})?(?:\+[0-9A-Za-z-]{1,50}(?:\.[0-9A-Za-z-]{1,50}){0,10})?$/

/**
 * `metadata`: gives the name of the whole, also as the beginning of one (`generateName`, as Che has it). Others than the
 * known fields may be there, and say nothing.
 */
export function readMetadata(section: Value | undefined): string {
  if (!section) return ''
  const fields = section.fields()
  for (const name of devfileFields.metadata) {
    const field = fields.get(name)
    if (!field) continue
    switch (name) {
      case 'attributes':
        skipObject(field)
        break
      case 'tags':
        readTexts(field)
        break
      case 'architectures':
        for (const item of readList(field)) item.choice(architectures)
        field.ignore('the target is not checked against it')
        break
      case 'version':
        if (!version.test(text(field))) {
          throw field.mustBe('a version of three numbers', 'Write, for example, "version: 1.0.0".')
        }
        break
      case 'globalMemoryLimit':
        text(field)
        field.ignore('how much a workspace may take is up to whoever creates it')
        break
      default:
        text(field)
    }
  }
  section.skip()
  const beginning = fields.get('generateName')
  const generated = beginning?.type === 'string' ? beginning.raw().replace(/-+$/, '') : ''
  return shorten(fields.get('name')?.raw() ?? generated, 200)
}

/** Variables are not filled in here (devfile.io, "variables"). */
function text(value: Value): string {
  if (value.type !== 'string') throw value.mustBe('a string', quoted)
  return value.raw()
}
