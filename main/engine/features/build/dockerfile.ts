import type { NotApplied } from '#contract'
import { shorten } from '../../definitions/index'
import type { MetadataEntry } from '../image-metadata'
import { isVariable, variableOf } from '../options'
import type { ResolvedFeature } from '../resolve'

/** Build argument that names the image on top of which Features are installed. */
export const baseArgument = 'base'
/** Where Features are while they are installed. */
const installFolder = '/tmp/berth-features'

/** What is known of the image on top of which Features are installed. */
export interface BaseImage {
  /** Its `USER`, to which the result goes back; empty: root. */
  readonly user: string
  /** Who PID 1 will run as; absent: as `user`. */
  readonly containerUser?: string
  /** Who terminals and lifecycle commands will run as, image metadata taken in; absent: as `containerUser`. */
  readonly remoteUser?: string
  /** Absolute paths; absent: as /etc/passwd says while the image is built. */
  readonly containerHome?: string
  readonly remoteHome?: string
  /** Of its label `devcontainer.metadata`: the result says it too. */
  readonly metadata?: readonly MetadataEntry[]
}

export interface FeatureDockerfile {
  readonly text: string
  /**
   * Build arguments besides {@link baseArgument}: options that name this machine's environment, as written. Such a
   * value is in no file and no layer, but the builder writes it into the image's history.
   */
  readonly args: Readonly<Record<string, string>>
  /** Files beside those of the Features, by paths relative to the build context. */
  readonly files: ReadonlyMap<string, string>
  readonly notApplied: readonly NotApplied[]
}

/** Folder of a Feature in the build context. */
export function folderOf(feature: ResolvedFeature, index: number): string {
  return `${String(index + 1).padStart(2, '0')}-${feature.metadata.id.toLowerCase().replace(/[^a-z0-9_-]/g, '-')}`
}

/**
 * A Dockerfile that installs Features in their order, each in a layer of its own, for builders without BuildKit as
 * well. The same Features on the same base give the same text, so that layers are found again. `metadata` is what the
 * image's label says in the end.
 */
export function featureDockerfile(
  features: readonly ResolvedFeature[],
  base: BaseImage,
  metadata: readonly MetadataEntry[],
): FeatureDockerfile {
  const args: Record<string, string> = {}
  const files = new Map<string, string>()
  const notApplied: NotApplied[] = []
  const user = plainUser(base.user)
  const lines = [`ARG ${baseArgument}`, `FROM \${${baseArgument}}`, 'USER root']
  for (const [index, feature] of features.entries()) {
    const folder = folderOf(feature, index)
    const place = `${installFolder}/${folder}`
    lines.push('', `# ${shorten(feature.name.replace(/[\r\n]/g, ' '), 300)}`)
    lines.push(...environmentLines(feature, notApplied))
    const options: string[] = []
    for (const [name, value] of Object.entries(feature.options)) {
      const variable = variableOf(name)
      if (isVariable(value)) {
        const argument = `BERTH_OPTION_${index + 1}_${variable}`
        args[argument] = value
        lines.push(`ARG ${argument}`)
        options.push(`${variable}="\${${argument}}"\n`)
      } else options.push(`${variable}=${shellQuote(value)}\n`)
    }
    files.set(`${folder}/devcontainer-features.env`, options.join(''))
    files.set(`${folder}/devcontainer-features.builtin.env`, userLines(base, user))
    files.set(`${folder}/berth-install.sh`, installScript(feature))
    lines.push(`COPY ${folder}/ ${place}/`)
    lines.push(`RUN chmod -R 0755 ${place} && ${place}/berth-install.sh && rm -rf ${installFolder}`)
  }
  const back = /^[\w.$-]{1,100}(?::[\w.$-]{1,100})?$/.test(base.user)
    ? base.user.replaceAll('$', '\\$')
    : 'root'
  lines.push('', ...labelLines(metadata), `USER ${back}`, '')
  return { text: lines.join('\n'), args, files, notApplied }
}

/** Environment variables of a Feature are there before its script runs. */
function environmentLines({ metadata, reference }: ResolvedFeature, notApplied: NotApplied[]): string[] {
  const lines: string[] = []
  for (const [name, value] of Object.entries(metadata.containerEnv)) {
    const reason = !/^[A-Za-z_][\w.-]{0,200}$/.test(name)
      ? 'an image cannot have a variable of this name'
      : /[\r\n\0]/.test(value)
        ? 'a value in an image cannot have line breaks'
        : isVariable(value)
          ? "a Feature's variables are in the image, which gets nothing of this machine's environment"
          : undefined
    if (reason) notApplied.push({ field: `containerEnv.${shorten(name)} (${reference})`, reason })
    else lines.push(`ENV ${name}="${escapeEnvironment(value)}"`)
  }
  return lines
}

/** `$NAME` and `${NAME}` are filled in by the builder; every other `$` stays one. */
function escapeEnvironment(value: string): string {
  return value
    .replace(/[\\"]/g, '\\$&')
    .replace(
      /\$(?:\{containerEnv:([A-Za-z_]\w*)\}|\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))?/g,
      (whole, ...names) => {
        const name = (names.slice(0, 3) as (string | undefined)[]).find((one) => one !== undefined)
        return name === undefined ? `\\${whole}` : `\${${name}}`
      },
    )
}

/** `LABEL`, with a line for each entry: a line of a Dockerfile may have 64 KiB. */
function labelLines(metadata: readonly MetadataEntry[]): string[] {
  if (metadata.length === 0) return []
  const entries = metadata.map(({ fields }) => JSON.stringify(fields).replace(/[\\"$]/g, '\\$&'))
  return [`LABEL devcontainer.metadata="[ \\\n${entries.join(', \\\n')} \\\n]"`]
}

/** Variables of who will use the container (containers.dev, "User environment variables"). */
function userLines(base: BaseImage, user: string): string {
  const container = plainUser(base.containerUser ?? user)
  const remote = plainUser(base.remoteUser ?? container)
  return [
    ['_CONTAINER_USER', container],
    ['_REMOTE_USER', remote],
    ['_CONTAINER_USER_HOME', base.containerHome ?? ''],
    ['_REMOTE_USER_HOME', base.remoteHome ?? ''],
  ]
    .map(([name = '', value = '']) => `${name}=${shellQuote(value)}\n`)
    .join('')
}

/** Without a group; `root` where it is no user's name at all. */
function plainUser(user: string): string {
  const name = user.split(':', 1)[0] ?? ''
  return /^[\w.$-]{1,100}$/.test(name) ? name : 'root'
}

/** Within double quotes, which is how Features know it and what every shell reads. */
function shellQuote(value: string): string {
  return `"${value.replaceAll('\0', '').replace(/[\\"$`]/g, '\\$&')}"`
}

function installScript({ name, metadata }: ResolvedFeature): string {
  const help = metadata.documentationUrl ? ` See ${metadata.documentationUrl}` : ''
  const failed = `The Feature ${shorten(name, 300)} could not be installed.${help}`.replace(
    /[^\x20-\x7e]/g,
    '?',
  )
  return `#!/bin/sh
set -e
cd "$(dirname "$0")"
home_of() {
  while IFS=: read -r name _ uid _ _ home _; do
    if [ "$name" = "$1" ] || [ "$uid" = "$1" ]; then
      echo "$home"
      return
    fi
  done </etc/passwd
}
set -a
. ./devcontainer-features.builtin.env
if [ -z "$_CONTAINER_USER_HOME" ]; then _CONTAINER_USER_HOME="$(home_of "$_CONTAINER_USER")"; fi
if [ -z "$_REMOTE_USER_HOME" ]; then _REMOTE_USER_HOME="$(home_of "$_REMOTE_USER")"; fi
. ./devcontainer-features.env
set +a
if ! ./install.sh; then
  echo ${shellQuote(failed)} >&2
  exit 1
fi
`
}
