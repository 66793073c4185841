import { join } from 'node:path'
import { command, tryCommand } from '../harness/command'
import { probeScript } from './probe'

const program = join(import.meta.dirname, '../../node_modules/@devcontainers/cli/devcontainer.js')

/** A container that the dev container tool has made of a folder. */
export interface ReferenceContainer {
  readonly id: string
  /** What {@link probeScript} prints in it. */
  probe(): Promise<string>
}

/**
 * Makes a container of a folder's definition with the dev container tool (containers.dev, "Reference implementation"),
 * on this machine's engine. `home`: an empty folder, so that nothing of the user's is taken along. Its `label` is on all
 * that it makes. Rejects with what the tool says where it fails.
 */
export async function referenceUp(
  folder: string,
  definition: string,
  home: string,
  label: string,
): Promise<ReferenceContainer> {
  const options = {
    env: { ...process.env, HOME: home, DOCKER_BUILDKIT: '0' },
    timeoutMilliseconds: 10 * 60_000,
  }
  const where = ['--workspace-folder', folder, '--config', join(folder, definition), '--id-label', label]
  const { code, stdout, stderr } = await tryCommand(
    process.execPath,
    [program, 'up', ...where, '--mount-workspace-git-root', 'false'],
    options,
  )
  const answer = stdout.trim().split('\n').at(-1) ?? ''
  const outcome = answer.startsWith('{') ? (JSON.parse(answer) as Outcome) : undefined
  if (code !== 0 || outcome?.outcome !== 'success' || outcome.containerId === undefined) {
    throw new Error(`${outcome?.description ?? outcome?.message ?? ''}\n${stderr.slice(-2000)}`)
  }
  return {
    id: outcome.containerId,
    probe: () => command(process.execPath, [program, 'exec', ...where, 'sh', '-c', probeScript], options),
  }
}

interface Outcome {
  readonly outcome: string
  readonly containerId?: string
  readonly message?: string
  readonly description?: string
}

/** Removes what {@link referenceUp} has made, with what Compose has made beside it. */
export async function referenceDown(label: string): Promise<void> {
  const ids = async (...filter: string[]) =>
    (await command('docker', ['ps', '-aq', ...filter])).split('\n').filter(Boolean)
  for (const id of await ids('--filter', `label=${label}`)) {
    const project = await command('docker', [
      'inspect',
      '--format',
      '{{index .Config.Labels "com.docker.compose.project"}}{{"\\n"}}{{.Config.Image}}',
      id,
    ])
    const [name = '', image = ''] = project.trimEnd().split('\n')
    const all = name ? await ids('--filter', `label=com.docker.compose.project=${name}`) : [id]
    await command('docker', ['rm', '-fv', ...all])
    if (name) {
      await tryCommand('docker', ['network', 'rm', `${name}_default`])
      const volumes = await command('docker', [
        'volume',
        'ls',
        '-q',
        '--filter',
        `label=com.docker.compose.project=${name}`,
      ])
      for (const volume of volumes.split('\n').filter(Boolean))
        await command('docker', ['volume', 'rm', volume])
    }
    // Of a user with another uid there is an image on top of its own.
    for (const own of new Set([image, image.replace(/-uid$/, '')]))
      if (/^vsc-|_/.test(own)) await tryCommand('docker', ['rmi', own])
  }
  // What it makes for Features, and keeps.
  await tryCommand('docker', ['rmi', 'dev_container_feature_content_temp'])
}
