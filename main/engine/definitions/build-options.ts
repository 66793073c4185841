import type { BuildSecret, ImageBuild } from '#contract'
import { addContext } from './build-contexts'
import { insideRepository } from './paths'
import { closest } from './suggest'

/** What is filled in of a build beside its files. */
export type BuildExtras = { -readonly [K in keyof ImageBuild]?: ImageBuild[K] }

/** An option of `docker build`, or a value of one, as a definition lists it. */
export interface OptionItem {
  /** Variables of an environment stay as written. */
  readonly text: string
  ignore(reason: string): void
}

const fixedTag = 'an image that is built for a workspace has a name of its own'
const stays = 'what is built stays on the engine'
const attestations = 'an image that is built for a workspace has no attestations'
const limits = 'a build has the limits that its engine gives it'

/** Known options that are not applied, with the reason; those that take no value. */
const refusedFlags: Readonly<Record<string, string>> = {
  '--compress': 'how files get to the engine is up to Berth',
  '--force-rm': 'containers of a build are always removed',
  '--load': 'what is built is always kept by the engine',
  '--push': stays,
  '--quiet': 'the log is always there',
  '-q': 'the log is always there',
  '--rm': 'containers of a build are always removed',
  '--squash': 'layers are kept as they are',
  '--check': 'an image is built, and not only checked',
}
/** The same for those that take one. */
const refusedValues: Readonly<Record<string, string>> = {
  '--allow': 'builds get no extra rights',
  '--annotation': 'images have labels and no annotations',
  '--attest': attestations,
  '--builder': 'the engine builds by itself',
  '--cache-to': stays,
  '--cgroup-parent': limits,
  '--cpu-period': limits,
  '--cpu-quota': limits,
  '--cpu-shares': limits,
  '-c': limits,
  '--cpuset-cpus': limits,
  '--cpuset-mems': limits,
  '--disable-content-trust': 'the engine decides whom it trusts',
  '--file': 'the Dockerfile is the one that "dockerfile" names',
  '-f': 'the Dockerfile is the one that "dockerfile" names',
  '--iidfile': 'no files are written on this machine',
  '--isolation': 'builds are isolated as their engine does it',
  '--memory': limits,
  '-m': limits,
  '--memory-swap': limits,
  '--metadata-file': 'no files are written on this machine',
  '--no-cache-filter': 'either all of the cache is used, or none',
  '--output': stays,
  '-o': stays,
  '--progress': 'Berth shows the progress in its own way',
  '--provenance': attestations,
  '--sbom': attestations,
  '--security-opt': 'builds get no extra rights',
  '--tag': fixedTag,
  '-t': fixedTag,
  '--ulimit': limits,
}
const applied = [
  '--add-host',
  '--build-arg',
  '--build-context',
  '--cache-from',
  '--label',
  '--network',
  '--no-cache',
  '--platform',
  '--pull',
  '--secret',
  '--shm-size',
  '--ssh',
  '--target',
]

/**
 * Options of the command line of `docker build` (docs.docker.com, "docker buildx build"), as devcontainer.json's
 * `build.options` has them: each item an option, `--name=value`, or the value of the one before. Applied to `build`, or
 * named with the reason why not.
 */
export function applyBuildOptions(items: readonly OptionItem[], build: BuildExtras): void {
  for (let at = 0; at < items.length; at++) {
    const item = items[at]
    if (!item) continue
    const found = /^(--?[A-Za-z][A-Za-z-]*)(?:=([\s\S]*))?$/.exec(item.text.trim())
    const name = found?.[1] ?? ''
    const refuse = (reason: string) => item.ignore(`${name || JSON.stringify(item.text)}: ${reason}`)
    if (!found) {
      refuse('this is no option of docker build')
      continue
    }
    if (Object.hasOwn(refusedFlags, name)) {
      refuse(refusedFlags[name] ?? '')
      continue
    }
    if (name === '--no-cache' || name === '--pull') {
      const isOn = found[2] === undefined || /^(?:1|t|true)$/i.test(found[2])
      if (isOn) build[name === '--pull' ? 'pull' : 'noCache'] = true
      continue
    }
    const isKnown = applied.includes(name) || Object.hasOwn(refusedValues, name)
    if (!isKnown) {
      const meant = closest(name, [...applied, ...Object.keys(refusedValues)])
      refuse(`Berth does not know this option of docker build${meant ? `; did you mean ${meant}?` : ''}`)
      // Its value, if that is what follows, is nothing by itself.
      if (found[2] === undefined && items[at + 1]?.text.startsWith('-') === false) at++
      continue
    }
    const value = found[2] ?? items[++at]?.text
    if (Object.hasOwn(refusedValues, name)) refuse(refusedValues[name] ?? '')
    else if (value === undefined) refuse('it has no value')
    else applyOption(name, value, build, refuse)
  }
}

function applyOption(
  name: string,
  value: string,
  build: BuildExtras,
  refuse: (reason: string) => void,
): void {
  switch (name) {
    case '--build-arg': {
      const [key, text] = assignment(value)
      if (key === '' || key === '__proto__') refuse('it names no argument')
      else build.args = { ...build.args, [key]: text ?? `\${localEnv:${key}}` }
      break
    }
    case '--build-context': {
      const [key, text = ''] = assignment(value)
      addContext(key, text, build, { refuse })
      break
    }
    case '--label': {
      const [key, text = ''] = assignment(value)
      if (key === '' || key === '__proto__') refuse('it names no label')
      else build.labels = { ...build.labels, [key]: text }
      break
    }
    case '--target':
      build.target = value
      break
    case '--platform':
      build.platform = value
      break
    case '--cache-from':
      addCacheFrom(value, build, refuse)
      break
    case '--add-host':
      addHost(value, build, refuse)
      break
    case '--network':
      setNetwork(value, build, refuse)
      break
    case '--shm-size':
      setShmSize(value, build, refuse)
      break
    case '--secret':
      addSecret(secretOf(value), build, refuse)
      break
    case '--ssh':
      addAgent(value, build, refuse)
      break
  }
}

function assignment(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

/** An image, or `type=registry,ref=image`. */
export function addCacheFrom(value: string, build: BuildExtras, refuse: (reason: string) => void): void {
  const fields = fieldsOf(value)
  const type = fields.get('type')
  const image = type === undefined && !value.includes('=') ? value : fields.get('ref')
  if (image === undefined || image === '' || (type !== undefined && type !== 'registry'))
    refuse('only images of a registry are used as a cache')
  else build.cacheFrom = [...(build.cacheFrom ?? []), image]
}

/** `name:address`, or `name=address`. */
export function addHost(value: string, build: BuildExtras, refuse: (reason: string) => void): void {
  const found = /^([\w.-]+)[:=]\[?([0-9A-Fa-f.:]+|host-gateway)\]?$/.exec(value.trim())
  if (!found) refuse('a name and an address are written as name:address')
  else build.extraHosts = [...(build.extraHosts ?? []), `${found[1]}:${found[2]}`]
}

export function setNetwork(value: string, build: BuildExtras, refuse: (reason: string) => void): void {
  if (value === 'default' || value === 'none' || value === 'host') build.network = value
  else refuse('a build has the networks default, none and host only')
}

const units: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }

/** `64m`, `2gb`, or bytes. */
export function setShmSize(value: string, build: BuildExtras, refuse: (reason: string) => void): void {
  const found = /^(\d{1,12})\s*([bkmg]?)b?$/i.exec(value.trim())
  const bytes = found ? Number(found[1]) * (units[(found[2] ?? '').toLowerCase()] ?? 1) : 0
  if (!Number.isSafeInteger(bytes) || bytes <= 0) refuse('it is no amount of memory, such as 64m')
  else build.shmSize = bytes
}

/** A secret as it is asked for; `file` is as written, relative to the repository's root. */
export interface AskedSecret {
  readonly id: string
  readonly file?: string | undefined
  readonly env?: string | undefined
}

/** `id=NAME`, with `src=FILE` or `env=VARIABLE`. */
function secretOf(value: string): AskedSecret {
  const fields = fieldsOf(value)
  const source = fields.get('src') ?? fields.get('source')
  const env = fields.get('type') === 'env' ? (source ?? fields.get('env')) : fields.get('env')
  return { id: fields.get('id') ?? '', env, file: fields.get('type') === 'env' ? undefined : source }
}

/**
 * Files outside of the repository are the user's, and no definition may name them: such a secret is asked for, and has
 * nothing behind it until the user says so.
 */
export function addSecret(asked: AskedSecret, build: BuildExtras, refuse: (reason: string) => void): void {
  const { id, env, file } = asked
  if (!/^[\w.-]{1,128}$/.test(id)) {
    refuse('it has no id of letters, digits, dots, hyphens and underscores')
    return
  }
  const inside = file === undefined ? undefined : insideRepository('.', file)
  if (file !== undefined && inside === undefined)
    refuse(`only files of the repository are read; to allow another: --build-secret id=${id},src=FILE`)
  const secret: BuildSecret = {
    id,
    ...(inside !== undefined && { file: inside }),
    ...(inside === undefined && env !== undefined && /^\w{1,256}$/.test(env) && { env }),
  }
  build.secrets = [...(build.secrets ?? []).filter((one) => one.id !== id), secret]
}

/** `default`, or a name with the path of a key or socket, which a definition may not choose. */
export function addAgent(value: string, build: BuildExtras, refuse: (reason: string) => void): void {
  const [id, path] = assignment(value)
  if (!/^[\w.-]{1,128}$/.test(id)) {
    refuse('it has no name of letters, digits, dots, hyphens and underscores')
    return
  }
  if (path !== undefined) refuse('it is your own SSH agent that is asked, where you allow it')
  build.ssh = [...new Set([...(build.ssh ?? []), id])]
}

/** `key=value` fields, divided by commas. */
function fieldsOf(text: string): Map<string, string> {
  return new Map(
    text.split(',').map((field) => {
      const [key, value = ''] = assignment(field.trim())
      return [key.toLowerCase(), value] as const
    }),
  )
}
