import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DataSource, Operation } from '#contract'
import { command, tryCommand } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { type Machine, type Rig, writeFiles } from './rig'

const never = new AbortController().signal

/** A folder whose definition has a service with data, and a volume that the workspace sees as well. */
export function projectWithData(machine: Machine, name: string, image: string = TEST_IMAGES.debian): string {
  const folder = join(machine.home, name)
  mkdirSync(folder, { recursive: true })
  const definition = {
    image: TEST_IMAGES.debian,
    remoteUser: 'dev',
    customizations: {
      berth: {
        services: {
          keeper: {
            image,
            entrypoint: ['/bin/sh', '-c'],
            command: ['trap "exit 0" TERM; while :; do sleep 0.2; done'],
            volumes: { rows: '/data' },
          },
        },
      },
    },
  }
  writeFiles(folder, { '.devcontainer/devcontainer.json': JSON.stringify(definition) })
  return folder
}

/** The container of a workspace's service. */
export async function serviceContainer(id: string, service = 'keeper'): Promise<string> {
  const filters = [`label=berth.dev/service-of=${id}`, `label=berth.dev/service=${service}`]
  const found = await command('docker', ['ps', '-aq', ...filters.flatMap((one) => ['--filter', one])])
  return found.trim()
}

/** Runs a script as root in the service; gives what it printed. */
export async function inService(id: string, script: string): Promise<string> {
  return command('docker', ['exec', '-u', '0', await serviceContainer(id), '/bin/sh', '-c', script])
}

export async function isRunning(container: string): Promise<boolean> {
  const { stdout } = await tryCommand('docker', ['inspect', '-f', '{{.State.Running}}', container])
  return stdout.trim() === 'true'
}

/** Files with all that a copy can lose. */
export const fill = `
set -e
cd /data
chown 123:456 .; chmod 0750 .
mkdir -p deep/er; echo one > deep/er/one; chown -R 999:998 deep; chmod 0700 deep
ln deep/er/one deep/er/link; ln -s ../../outside deep/symbolic; ln -s /nowhere absolute
echo hidden > .hidden; chmod 0400 .hidden
printf 'odd' > 'a name
of two lines'
truncate -s 20M sparse; printf x >> sparse
mkfifo pipe; chmod 4755 .hidden
touch -d '2001-02-03 04:05:06' deep/er/one
python3 -c 'import os; os.setxattr("/data/sparse", "user.berth", b"kept")' 2>/dev/null || true
`

/** Owner, mode, links, time and target of each file, with the digest of its content and the blocks of the sparse one. */
export const listing = `
cd /data
stat -c '%a %u:%g' .
find . -mindepth 1 -printf '%P %y %m %U:%G %n %l %T@\\n' | sort
find . -type f -print0 | sort -z | xargs -0 sha256sum
[ "$(stat -c %b sparse 2>/dev/null || echo 0)" -lt 2000 ] && echo sparse
python3 -c 'import os; print(os.listxattr("/data/sparse"))' 2>/dev/null || true
`

export async function snapshotOf(rig: Rig, workspaceId: string, name?: string): Promise<string> {
  const { operationId, snapshotId } = await rig.service.handlers['data.snapshot'](
    { workspaceId, ...(name !== undefined && { name }) },
    never,
  )
  await rig.succeeded(operationId)
  return snapshotId
}

export async function restoreInto(
  rig: Rig,
  workspaceId: string,
  from: DataSource,
  snapshotFirst = false,
): Promise<Operation> {
  const { operationId } = await rig.service.handlers['data.restore'](
    { workspaceId, from, snapshotFirst },
    never,
  )
  return rig.ended(operationId)
}

/** All that is left on the engine of copies of a workspace's data. */
export async function copiesOf(id: string): Promise<string[]> {
  const lines = async (...args: string[]) => (await command('docker', args)).split('\n').filter(Boolean)
  return [
    ...(await lines('ps', '-aq', '--filter', `label=berth.dev/data-of=${id}`)),
    ...(await lines('volume', 'ls', '-q', '--filter', `label=berth.dev/snapshot-of=${id}`)),
  ]
}

/** Removes what a test that failed left. */
export async function purgeCopies(ids: Iterable<string>): Promise<void> {
  for (const id of ids) {
    for (const one of await copiesOf(id)) {
      if (/^[0-9a-f]{12}$/.test(one)) await tryCommand('docker', ['rm', '-fv', one])
      else await tryCommand('docker', ['volume', 'rm', one])
    }
    const beside = await command('docker', ['ps', '-aq', '--filter', `label=berth.dev/service-of=${id}`])
    for (const one of beside.split('\n').filter(Boolean)) await tryCommand('docker', ['rm', '-fv', one])
  }
}
