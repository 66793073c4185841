import { posix } from 'node:path'
import type { WorkspaceSpec } from '../../driver'
import {
  isBelow,
  keepsHome,
  onTheWayTo,
  plainPath,
  repositoryParents,
  sourceFolders,
  sourceMount,
} from '../../shared/folders'
import { dataPath, VOLUME_ROOT } from './anatomy'

/** Exit code of the script where the volume cannot be written to. */
export const NOT_WRITABLE = 73
/** Exit code of the script where what a prebuild holds could not be copied whole. */
export const NOT_COPIED = 74

/**
 * Makes the folders of a workspace's volume, as the workspace user's: those that a mount by subPath would find missing
 * the kubelet makes as root. The home is begun with what the image has there, once: it appears under its name when it
 * is whole. So is each folder for data, as an engine does it with new volumes, and each folder that a prebuild holds, of
 * which nothing may be missing. It needs sh, mkdir, mv, rm and cp. Arguments: the home's path in the image, or nothing;
 * for each folder that a prebuild holds `--from`, its path in the image and its name within the volume; for each folder
 * for data `--fill` and the same; then folders within the volume, parents first.
 */
const script = `
umask 022
cd ${VOLUME_ROOT} || exit ${NOT_WRITABLE}
# Folders of a volume may hand on its group, by a bit that those of an image do not have.
plain() { chmod g-s "$1" 2>/dev/null; }
home=$1; shift
while [ "$1" = --from ]; do
  if [ -d "$2" ] && [ ! -e "$3" ]; then
    case $3 in */*) mkdir -p "\${3%/*}" || exit ${NOT_WRITABLE} ;; esac
    # What a copy has left that was broken off may hold folders that nothing can be removed from.
    [ ! -e "$3.new" ] || chmod -R u+rwx "$3.new" 2>/dev/null
    rm -rf "$3.new"
    mkdir "$3.new" || exit ${NOT_WRITABLE}
    plain "$3.new"
    cp -a "$2/." "$3.new/" || exit ${NOT_COPIED}
    case $3 in data/*) chmod 1777 "$3.new" ;; esac
    mv "$3.new" "$3" || exit ${NOT_WRITABLE}
  fi
  shift 3
done
if [ -n "$home" ] && [ ! -d home ]; then
  rm -rf home.new
  mkdir home.new || exit ${NOT_WRITABLE}
  plain home.new
  if [ -d "$home" ]; then cp -a "$home/." home.new/ 2>/dev/null || cp -R "$home/." home.new/ 2>/dev/null; fi
  mv home.new home || exit ${NOT_WRITABLE}
fi
while [ "$1" = --fill ]; do
  if [ -d "$2" ] && [ ! -d "$3" ]; then
    [ -d data ] || mkdir data || exit ${NOT_WRITABLE}
    rm -rf "$3.new"
    mkdir "$3.new" || exit ${NOT_WRITABLE}
    plain "$3.new"
    cp -a "$2/." "$3.new/" 2>/dev/null || cp -R "$2/." "$3.new/" 2>/dev/null
    chmod 1777 "$3.new"
    mv "$3.new" "$3" || exit ${NOT_WRITABLE}
  fi
  shift 3
done
for folder in "$@"; do
  [ -d "$folder" ] && continue
  mkdir "$folder" || exit ${NOT_WRITABLE}
  plain "$folder"
  # Whoever a service runs as has to be able to write to its data, and makes of it what it likes.
  case "$folder" in data/*) chmod 1777 "$folder" ;; esac
done
for folder in source \${home:+home}; do
  if [ -d "$folder" ] && [ ! -w "$folder" ]; then
    echo "user $(id -u) may not write to the volume's folder $folder" >&2
    exit ${NOT_WRITABLE}
  fi
done
exit 0
`

/** How the parts of the volume lie in a workspace. */
export interface VolumeLayout {
  readonly mounts: readonly { readonly mountPath: string; readonly subPath: 'source' | 'home' }[]
  /** What the init container runs. */
  readonly prepare: readonly string[]
}

/** Where source and home of a workspace are mounted, and what has to be there before they can be. */
export function layOutVolume(spec: WorkspaceSpec): VolumeLayout {
  const { definition, image } = spec
  const { home } = image.user
  const sourceFolder = spec.sourceFolder ?? definition.workspaceFolder
  const root = plainPath(sourceMount(sourceFolder))
  const taken = new Set(definition.mounts.map((mount) => plainPath(mount.target)))
  const ownsHome = keepsHome(home) && !taken.has(plainPath(home))
  const mounts: { mountPath: string; subPath: 'source' | 'home' }[] = []
  if (!taken.has(root)) mounts.push({ mountPath: root, subPath: 'source' })
  if (ownsHome) mounts.push({ mountPath: plainPath(home), subPath: 'home' })
  const within = (folder: string, top: string, name: string) =>
    posix.join(name, posix.relative(top, plainPath(folder)))
  const inSource = sourceFolders(sourceFolder, definition.workspaceFolder, repositoryParents(definition))
    .filter((folder) => isBelow(folder, root))
    .map((folder) => within(folder, root, 'source'))
  const targets = [root, ...definition.mounts.map((mount) => mount.target)]
  const inHome = ownsHome ? onTheWayTo(targets, home).map((folder) => within(folder, home, 'home')) : []
  // By the first place that it is mounted at, as an engine does it.
  const filled = new Map<string, string>()
  for (const { type, source, target, ofWorkspace } of definition.mounts) {
    if (type !== 'volume' || !ofWorkspace || !source || filled.has(dataPath(source))) continue
    filled.set(dataPath(source), plainPath(target))
  }
  const held = spec.prebuild
    ? [
        ...mounts.map(({ mountPath, subPath }) => [mountPath, subPath] as const),
        ...definition.mounts
          .filter((one) => one.type === 'volume' && one.ofWorkspace && one.source)
          .map(({ target, source }) => [plainPath(target), dataPath(source ?? '')] as const),
      ]
    : []
  const data = new Set(
    [
      ...definition.services.flatMap((one) => one.mounts),
      ...definition.mounts.filter((one) => one.ofWorkspace),
    ]
      .filter(({ type, source }) => type === 'volume' && source)
      .map(({ source }) => dataPath(source ?? '')),
  )
  return {
    mounts,
    prepare: [
      '/bin/sh',
      '-c',
      script,
      'berth',
      ownsHome ? plainPath(home) : '',
      ...held.flatMap(([path, name]) => ['--from', path, name]),
      ...[...filled].flatMap(([name, path]) => ['--fill', path, name]),
      ...inSource,
      ...inHome,
      ...(data.size > 0 ? ['data', ...data] : []),
    ],
  }
}
