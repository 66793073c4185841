import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, tryCommand } from '../command'

/**
 * Brings up a cluster with kind, for machines where there is no other way: macOS, or without root.
 * @param images of the machine's Docker engine, which its node gets
 * @returns the path of an administrator's kubeconfig, and what takes the cluster away again
 */
export async function startKind(
  kind: string,
  images: readonly string[],
): Promise<{ kubeconfig: string; dispose(): Promise<void> }> {
  const name = `berth-test-${randomBytes(3).toString('hex')}`
  const folder = await mkdtemp(join(tmpdir(), 'berth-kind-'))
  const kubeconfig = join(folder, 'kubeconfig')
  const cluster = ['--name', name, '--kubeconfig', kubeconfig]
  const dispose = async () => {
    await tryCommand(kind, ['delete', 'cluster', ...cluster])
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await command(kind, ['create', 'cluster', ...cluster, '--wait', '180s'])
    await command(kind, ['load', 'docker-image', '--name', name, ...images])
  } catch (error) {
    await dispose()
    throw error
  }
  return { kubeconfig, dispose }
}
