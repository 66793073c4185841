import type { HostRequirements } from '#contract'

/** What a definition asks of the machine, in one line; empty where it asks for nothing. */
export function needsText(requirements: HostRequirements | undefined): string {
  const { cpus, memory, storage, gpu } = requirements ?? {}
  return [
    ...(cpus === undefined ? [] : [cpus === 1 ? '1 processor' : `${cpus} processors`]),
    ...(memory === undefined ? [] : [`${amount(memory)} of memory`]),
    ...(storage === undefined ? [] : [`${amount(storage)} of disk`]),
    ...(gpu === undefined ? [] : [gpu === 'required' ? 'a GPU' : 'a GPU, if there is one']),
  ].join(', ')
}

/** In the units in which definitions are written: of 1024 each. */
function amount(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const number = bytes / 1024 ** power
  return `${Number.isInteger(number) ? number : number.toFixed(1)} ${units[power]}`
}
