import { readdir, readlink } from 'node:fs/promises'
import { tryCommand } from './command'

/** What Berth has on an engine: names of containers, volumes and networks that carry its label. */
export async function berthObjects(env: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const found: string[] = []
  const label = 'label=app.kubernetes.io/managed-by=berth'
  const lists: readonly (readonly string[])[] = [
    ['container', 'ls', '--all', '--format', '{{.Names}}'],
    ['volume', 'ls', '--format', '{{.Name}}'],
    ['network', 'ls', '--format', '{{.Name}}'],
  ]
  for (const [kind = '', ...args] of lists) {
    const { code, stdout, stderr } = await tryCommand('docker', [kind, ...args, '--filter', label], { env })
    if (code !== 0) throw new Error(`docker ${kind} ls: ${stderr}`)
    for (const name of stdout.split('\n').filter(Boolean)) found.push(`${kind} ${name}`)
  }
  return found.sort()
}

export interface Footprint {
  readonly objects: readonly string[]
  readonly children: readonly string[]
  readonly descriptors: readonly string[]
}

/** What this process and its engine hold now; compare with {@link leaksSince} at the end of a test. */
export async function footprint(env: NodeJS.ProcessEnv = process.env): Promise<Footprint> {
  return { objects: await berthObjects(env), children: await children(), descriptors: await descriptors() }
}

/**
 * What is there and was not before. Ends of closed sockets take a moment to go, so it looks again for up to five
 * seconds before it calls something a leak. Descriptors are counted by kind, since their numbers are reused.
 */
export async function leaksSince(before: Footprint, env: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const deadline = Date.now() + 5000
  for (;;) {
    const now = await footprint(env)
    const leaks = [
      ...now.objects.filter((name) => !before.objects.includes(name)),
      ...now.children.filter((name) => !before.children.includes(name)).map((name) => `process ${name}`),
      ...surplus(now.descriptors, before.descriptors).map((name) => `descriptor ${name}`),
    ]
    if (leaks.length === 0 || Date.now() > deadline) return leaks
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function surplus(now: readonly string[], before: readonly string[]): string[] {
  const left = [...before]
  return now.filter((name) => {
    const index = left.indexOf(name)
    if (index < 0) return true
    left.splice(index, 1)
    return false
  })
}

async function children(): Promise<string[]> {
  const { stdout } = await tryCommand('ps', [
    '-o',
    'pid=,args=',
    '--no-headers',
    '-ww',
    '--ppid',
    String(process.pid),
  ])
  return stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/ ps -o pid=/.test(line))
}

/** Sockets, pipes and files of this process, by kind. */
async function descriptors(): Promise<string[]> {
  const names: string[] = []
  for (const descriptor of await readdir('/proc/self/fd')) {
    let target: string
    try {
      target = await readlink(`/proc/self/fd/${descriptor}`)
    } catch {
      // The one that the listing itself had open.
      continue
    }
    const kind = /^(socket|pipe):/.exec(target)?.[1]
    if (kind) names.push(kind)
    else if (target.startsWith('/') && !target.startsWith('/proc/') && !target.startsWith('/dev/'))
      names.push(target)
  }
  return names.sort()
}
