import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Definition, WorkspaceUser } from '#contract'
import { baseArgument } from '../../features/index'
import type { RunningOperation } from '../operations'
import type { ActionContext } from './context'
import type { Preparation, Prepared } from './image'

/** Names that may stand in a Dockerfile as they are. */
const plainName = /^[A-Za-z_][\w.-]{0,63}$/

/**
 * Where a folder of this machine is mounted, the remote user gets the uid and gid of whoever works here, so that each
 * may write what the other made (containers.dev, "updateRemoteUserUID"): by a layer on top of the image, which the
 * engine has for the next time. On Linux alone: elsewhere the engine's virtual machine sees to that.
 */
export async function adoptLocalUser(
  context: ActionContext,
  operation: RunningOperation,
  preparation: Preparation,
  prepared: Prepared,
  signal: AbortSignal,
): Promise<Prepared> {
  const { definition, image } = prepared
  const { driver, request, temporary, kubernetes } = preparation
  const local = context.platform.localUser?.()
  const { user } = image
  const isWanted =
    definition.updateRemoteUserUID !== false &&
    driver.kind === 'docker' &&
    request.source.kind === 'folder' &&
    request.bindMounts
  // Root may write everywhere; and who works as root here shares that with nobody.
  if (!isWanted || !local || local.uid === 0 || user.uid === 0) return prepared
  if (user.uid === local.uid && user.gid === local.gid) return prepared
  const refused = refusal(context, request.workspaceId, prepared, local.uid)
  if (refused !== undefined) return { ...prepared, definition: named(definition, refused) }

  const step = definition.features.length > 0 ? 'features' : 'image'
  const resolved = await operation.step(
    step,
    async (report, stepSignal) => {
      report.detail(`Giving ${user.name} the uid ${local.uid}`)
      const folder = join(temporary, 'local-user')
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, 'berth-local-user.sh'), script)
      const back = image.imageUser === String(user.uid) ? user.name : image.imageUser || 'root'
      await writeFile(join(folder, 'Dockerfile'), dockerfile(user, local, back))
      const { image: _, imageIsDefault: __, ...rest } = definition
      const built = await driver.resolveImage(
        {
          definition: {
            ...rest,
            remoteUser: user.name,
            features: [],
            services: [],
            build: { dockerfile: 'Dockerfile', context: '.', args: { [baseArgument]: image.reference } },
          },
          folder,
          workspaceId: request.workspaceId,
          refresh: false,
          ...(kubernetes === undefined ? {} : { kubernetes }),
        },
        report,
        stepSignal,
      )
      report.result(
        built.user.uid === local.uid
          ? `${user.name} has your uid ${local.uid}`
          : `${user.name} keeps the uid ${user.uid}`,
      )
      return built
    },
    signal,
  )
  if (resolved.user.uid !== local.uid) {
    const reason = `${user.name} keeps the uid ${user.uid}: another user of the image has ${local.uid}, which is yours`
    return { ...prepared, definition: named(definition, reason) }
  }
  return { definition, image: { ...image, ...resolved, built: true, services: image.services } }
}

/** Why it cannot be; undefined where it can. */
function refusal(
  { observed }: ActionContext,
  workspaceId: string,
  { image: { hasShell, imageUser, user } }: Prepared,
  uid: number,
): string | undefined {
  const keeps = `${user.name} keeps the uid ${user.uid}`
  if (!hasShell) return `${keeps}: the image has no shell that could change it`
  if (!plainName.test(user.name))
    return `the image has no user of the name ${user.name} whose uid could be changed`
  if (!/^[\w.-]*(?::[\w.-]+)?$/.test(imageUser)) return `${keeps}: the image itself runs as “${imageUser}”`
  const before = observed(workspaceId)
  // All that lies in its home and its volumes would belong to nobody then.
  if (before?.complete && before.user.uid !== uid)
    return `${keeps}: what is kept of this workspace belongs to the uid ${before.user.uid}. A new workspace gets yours`
  return undefined
}

function named(definition: Definition, reason: string): Definition {
  return { ...definition, notApplied: [...definition.notApplied, { field: 'updateRemoteUserUID', reason }] }
}

function dockerfile(
  { name }: WorkspaceUser,
  local: { readonly uid: number; readonly gid: number },
  back: string,
): string {
  return [
    `ARG ${baseArgument}`,
    `FROM \${${baseArgument}}`,
    'USER root',
    'COPY berth-local-user.sh /tmp/berth-local-user/',
    `RUN sh /tmp/berth-local-user/berth-local-user.sh ${name} ${local.uid} ${local.gid} && rm -rf /tmp/berth-local-user`,
    `USER ${back}`,
    '',
  ].join('\n')
}

/**
 * Changes uid and gid of a user in the files that say so, and who has its home; needs a shell, cat, chown and rm alone.
 * A uid that somebody else has is left alone, and so is a group that is not the user's alone, or whose number is taken.
 */
const script = `set -e
name=$1 uid=$2 gid=$3
old_uid= old_gid= home= taken= shared= group=
while IFS=: read -r n p u g c h s; do
  if [ "$n" = "$name" ]; then old_uid=$u old_gid=$g home=$h
  elif [ "$u" = "$uid" ]; then taken=$n
  fi
done </etc/passwd
if [ -z "$old_uid" ]; then echo "There is no user $name"; exit 0; fi
if [ -n "$taken" ]; then echo "The uid $uid is $taken's"; exit 0; fi
while IFS=: read -r n p u g c h s; do
  if [ "$n" != "$name" ] && [ "$g" = "$old_gid" ]; then shared=$n; fi
done </etc/passwd
while IFS=: read -r n p g m; do
  if [ "$g" = "$gid" ]; then group=$n; fi
done </etc/group
if [ -n "$group" ] || [ -n "$shared" ]; then new_gid=$old_gid; else new_gid=$gid; fi
# A group of the image that has the number is as good.
if [ -n "$group" ]; then new_gid=$gid; fi
while IFS=: read -r n p u g c h s || [ -n "$n" ]; do
  if [ "$n" = "$name" ]; then u=$uid g=$new_gid; fi
  printf '%s:%s:%s:%s:%s:%s:%s\\n' "$n" "$p" "$u" "$g" "$c" "$h" "$s"
done </etc/passwd >/tmp/berth-local-user/passwd
cat /tmp/berth-local-user/passwd >/etc/passwd
if [ -z "$group" ] && [ -z "$shared" ]; then
  while IFS=: read -r n p g m || [ -n "$n" ]; do
    if [ "$g" = "$old_gid" ]; then g=$gid; fi
    printf '%s:%s:%s:%s\\n' "$n" "$p" "$g" "$m"
  done </etc/group >/tmp/berth-local-user/group
  cat /tmp/berth-local-user/group >/etc/group
fi
case $home in
  ''|/|/root) ;;
  /*) if [ -d "$home" ]; then chown -hR "$uid:$new_gid" "$home"; fi ;;
esac
echo "$name has the uid $uid and the gid $new_gid"
`
