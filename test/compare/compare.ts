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
      { definitionPath: definition },
    )
    try {
      const output = await rig.runProbed(id, 'sh', '-c', probeScript)
      const container = await command('docker', ['ps', '-q', '--filter', `label=berth.dev/workspace=${id}`])
      await noteVolumes(container.trim())
      return { ...parseSighting(output, [user.home]), labels: await labelsOf(container.trim()) }
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
    return { ...parseSighting(await container.probe(), []), labels: await labelsOf(container.id) }
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

async function labelsOf(container: string): Promise<Record<string, string>> {
  const text = await command('docker', ['inspect', '--format', '{{json .Config.Labels}}', container])
  const own = /^(?:berth\.dev\/|app\.kubernetes\.io\/|com\.docker\.compose|devcontainer\.|dev\.berth\.)/
  return Object.fromEntries(
    Object.entries(JSON.parse(text) as Record<string, string>).filter(([name]) => !own.test(name)),
  )
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
  for (const part of ['env', 'labels', 'files'] as const) {
    const names = new Set([...Object.keys(reference[part]), ...Object.keys(berth[part])])
    for (const name of [...names].sort()) note(`${part} ${name}`, reference[part][name], berth[part][name])
  }
  return lines
}
