import { readdir, readFile } from 'node:fs/promises'

export interface HomeProcess {
  readonly pid: number
  /** Its arguments, with spaces between. */
  readonly line: string
}

/**
 * The processes that run for a home folder: those that have it in their environment or arguments, and all that come
 * from them. Chromium writes over the environment of its own children, so that alone would miss most of a window.
 * Linux. Zombies do not count: their parent has not looked yet.
 */
export async function processesOfHome(home: string): Promise<readonly HomeProcess[]> {
  const all = new Map<number, { readonly parent: number; readonly line: string; readonly own: boolean }>()
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const [stat, line, environment] = await Promise.all(
        ['stat', 'cmdline', 'environ'].map((file) => readFile(`/proc/${name}/${file}`, 'utf8')),
      )
      if (!line) continue
      const args = line.replaceAll('\0', ' ').trim()
      // The name before it is in parentheses, and may hold anything.
      const parent = Number((stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ')[1])
      const own = args.includes(home) || (environment ?? '').split('\0').includes(`HOME=${home}`)
      all.set(Number(name), { parent, line: args, own })
    } catch {
      // Gone meanwhile.
    }
  }
  const belongs = (pid: number): boolean => {
    const found = all.get(pid)
    return found !== undefined && pid !== process.pid && (found.own || belongs(found.parent))
  }
  return [...all].filter(([pid]) => belongs(pid)).map(([pid, { line }]) => ({ pid, line }))
}
