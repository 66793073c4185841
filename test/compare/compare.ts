import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { command } from '../harness/command'
import type { Rig } from '../workspaces/rig'
import { parseSighting, probeScript, type Sighting } from './probe'
import { referenceDown, referenceUp } from './reference'

/** What the names of a case's volumes begin with. */
export const VOLUME_PREFIX = 'berth-test-compare-'

/** What one definition becomes with the dev container tool and with Berth; a text: why it did not come up. */
export interface Comparison {
  readonly reference: Seen | string
  readonly berth: Seen | string
}

export interface Seen extends Sighting {
  /** Labels of the container that neither tool makes for itself. */
  readonly labels: Readonly<Record<string, string>>
  /** How the engine was asked for the container, by the names of what it may be asked for. */
  readonly container: Readonly<Record<string, string>>
}

/**
 * Makes a container of a repository's definition with the dev container tool, and a workspace of a copy with Berth, on
 * the same engine; looks into both, and removes them.
 */
export async function compare(folder: string, definition: string, rig: Rig): Promise<Comparison> {
  const scratch = mkdtempSync(join(tmpdir(), 'berth-compare-'))
  const label = `dev.berth.test-compare=${basename(scratch)}`
  const copyFor = (who: string) => {
    const copy = join(scratch, who, basename(folder))
    mkdirSync(join(scratch, who, 'home'), { recursive: true })
    cpSync(folder, copy, { recursive: true })
    return copy
  }
  const inBerth = async () => {
    const { id, user } = await rig.up(
      { kind: 'folder', path: copyFor('berth') },
      { definitionPath: definition, allowRights: true },
    )
    try {
      const output = await rig.runProbed(id, 'sh', '-c', probeScript)
      const container = await command('docker', ['ps', '-q', '--filter', `label=berth.dev/workspace=${id}`])
      await noteVolumes(container.trim())
      return { ...parseSighting(output, [user.home]), ...(await madeOf(container.trim())) }
    } finally {
      await rig.act('delete', id)
    }
  }
  const withTool = async () => {
    const container = await referenceUp(
      copyFor('reference'),
      definition,
      join(scratch, 'reference', 'home'),
      label,
    )
    await noteVolumes(container.id)
    return { ...parseSighting(await container.probe(), []), ...(await madeOf(container.id)) }
  }
  // Those that a definition names outlive whatever uses them.
  const volumes: string[] = []
  const noteVolumes = async (container: string) => {
    const format = '{{range .Mounts}}{{if eq .Type "volume"}}{{println .Name}}{{end}}{{end}}'
    const names = (await command('docker', ['inspect', '--format', format, container])).split('\n')
    volumes.push(...names.filter((name) => name.startsWith(VOLUME_PREFIX)))
  }
  const said = (error: unknown) => (error instanceof Error ? error.message : String(error))
  try {
    return { reference: await withTool().catch(said), berth: await inBerth().catch(said) }
  } finally {
    await referenceDown(label)
    if (volumes.length > 0) await command('docker', ['volume', 'rm', ...new Set(volumes)])
    rmSync(scratch, { recursive: true, force: true })
  }
}

async function madeOf(id: string): Promise<Pick<Seen, 'labels' | 'container'>> {
  const text = await command('docker', ['inspect', '--format', '{{json .}}', id])
  const { Config, HostConfig } = JSON.parse(text) as Inspect
  const { Privileged, CapAdd, SecurityOpt, ShmSize, PidMode, UsernsMode } = HostConfig
  const list = (items: readonly string[] | null | undefined) =>
    [...new Set((items ?? []).map((item) => item.replace(/^CAP_/, '').replace(':', '=')))].sort().join(' ')
  return {
    labels: labelsOf(Config.Labels),
    container: {
      user: Config.User.replace(/^$/, 'root'),
      privileged: String(Privileged),
      capabilities: list(CapAdd),
      security: list(SecurityOpt),
      memory: String(ShmSize),
      processes: PidMode,
      users: UsernsMode,
    },
  }
}

interface Inspect {
  readonly Config: { readonly Labels: Readonly<Record<string, string>>; readonly User: string }
  readonly HostConfig: {
    readonly Privileged: boolean
    readonly CapAdd: readonly string[] | null
    readonly SecurityOpt: readonly string[] | null
    readonly ShmSize: number
    readonly PidMode: string
    readonly UsernsMode: string
  }
}

function labelsOf(labels: Readonly<Record<string, string>>): Record<string, string> {
  const own = /^(?:berth\.dev\/|app\.kubernetes\.io\/|com\.docker\.compose|devcontainer\.|dev\.berth\.)/
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !own.test(name)))
}

/** Where the two differ, a line each; empty: nowhere. */
export function differences({ reference, berth }: Comparison): string[] {
  if (typeof reference === 'string' || typeof berth === 'string') {
    const one = (seen: Seen | string) => (typeof seen === 'string' ? `failed: ${seen}` : 'came up')
    return typeof reference === typeof berth ? [] : [`the tool ${one(reference)}; Berth ${one(berth)}`]
  }
  const lines: string[] = []
  const note = (what: string, left: string | undefined, right: string | undefined) => {
    if (left !== right)
      lines.push(`${what}: ${left ?? '(none)'} with the tool, ${right ?? '(none)'} in Berth`)
  }
  note('user', reference.user, berth.user)
  note('folder', reference.cwd, berth.cwd)
  note('mounts', reference.mounts.join(', '), berth.mounts.join(', '))
  for (const part of ['env', 'labels', 'container', 'files'] as const) {
    const names = new Set([...Object.keys(reference[part]), ...Object.keys(berth[part])])
    for (const name of [...names].sort()) {
      if (reference[part][name] === berth[part][name]) continue
      const shown = (seen: Seen) => (part === 'files' ? seen.texts[name] : undefined) ?? seen[part][name]
      note(`${part} ${name}`, shown(reference), shown(berth))
    }
  }
  return lines
}
