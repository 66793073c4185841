import { readFile } from 'node:fs/promises'

/** Milliseconds of one of the kernel's ticks, in which it tells processes' times on every Linux. */
const TICK = 10

/** Milliseconds of processor time that a process has used; NaN where there is no /proc, or no such process. */
export async function processorTime(pid: number): Promise<number> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may have spaces; fields 14 and 15 are user and system time (proc(5)).
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK
  } catch {
    return Number.NaN
  }
}
