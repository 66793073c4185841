import { resolve } from 'node:path'
import { BuildGrants } from '#contract'
import { UsageError } from './exit-codes'

/** What `berth up` and `berth rebuild` let the build of an image have, as commander gives it. */
export interface BuildOptions {
  /** `id=NAME[,env=VARIABLE|,src=FILE]` each. */
  readonly buildSecret?: readonly string[]
  readonly buildSsh?: boolean
  readonly buildHostNetwork?: boolean
}

const form = '--build-secret is written as id=NAME, id=NAME,env=VARIABLE or id=NAME,src=FILE.'

/** Undefined where nothing is allowed. Files are relative to where the command runs. Throws a UsageError. */
export function buildGrants(options: BuildOptions): BuildGrants | undefined {
  const secrets = (options.buildSecret ?? []).map(readSecret)
  const ids = secrets.map(({ id }) => id)
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice !== undefined) throw new UsageError(`The secret "${twice}" is given twice.`)
  if (secrets.length === 0 && !options.buildSsh && !options.buildHostNetwork) return undefined
  const checked = BuildGrants.safeParse({
    ...(secrets.length > 0 && { secrets }),
    ...(options.buildSsh && { ssh: true }),
    ...(options.buildHostNetwork && { hostNetwork: true }),
  })
  if (!checked.success) throw new UsageError(`${form} ${checked.error.issues[0]?.message ?? ''}`.trim())
  return checked.data
}

function readSecret(text: string): { id: string; env?: string; file?: string } {
  const fields = new Map<string, string>()
  for (const field of text.split(',')) {
    const at = field.indexOf('=')
    const name = field.slice(0, Math.max(at, 0))
    if (!['id', 'env', 'src', 'source'].includes(name) || fields.has(name)) throw new UsageError(form)
    fields.set(name, field.slice(at + 1))
  }
  const id = fields.get('id')
  const env = fields.get('env')
  const file = fields.get('src') ?? fields.get('source')
  if (!id || env === '' || file === '' || (env !== undefined && file !== undefined))
    throw new UsageError(form)
  return { id, ...(env !== undefined && { env }), ...(file !== undefined && { file: resolve(file) }) }
}
