import { isIP } from 'node:net'
import type { Ulimit } from '#contract'

/** All that Linux knows (capabilities(7)), without `CAP_`. */
export const capabilities = [
  'AUDIT_CONTROL',
  'AUDIT_READ',
  'AUDIT_WRITE',
  'BLOCK_SUSPEND',
  'BPF',
  'CHECKPOINT_RESTORE',
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'IPC_LOCK',
  'IPC_OWNER',
  'KILL',
  'LEASE',
  'LINUX_IMMUTABLE',
  'MAC_ADMIN',
  'MAC_OVERRIDE',
  'MKNOD',
  'NET_ADMIN',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_RAW',
  'PERFMON',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYSLOG',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_CHROOT',
  'SYS_MODULE',
  'SYS_NICE',
  'SYS_PACCT',
  'SYS_PTRACE',
  'SYS_RAWIO',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'WAKE_ALARM',
  'ALL',
] as const

/** Limits that Docker sets (setrlimit(2)). */
export const ulimitNames = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
] as const

/** A capability's name as the kernel has it, whether or not there is such a one. */
export function capabilityName(text: string): string {
  return text.trim().toUpperCase().replace(/^CAP_/, '')
}

const powers: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 }

/** A size as Docker writes it (`64m`, `1.5gb`, `2 GiB`), in bytes; undefined for what is none. */
export function sizeOf(text: string): number | undefined {
  const [, amount, unit = ''] =
    /^(\d{1,15}(?:\.\d{1,6})?) ?([kmgtp]?)(?:ib|b)?$/i.exec(text.trim().toLowerCase()) ?? []
  const bytes = Math.floor(Number(amount) * 1024 ** (powers[unit] ?? 0))
  return amount !== undefined && bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined
}

/** A number of processors: `1.5`. */
export function processorsOf(text: string): number | undefined {
  const amount = /^\d{1,4}(?:\.\d{1,9})?$/.test(text) ? Number(text) : 0
  return amount > 0 ? amount : undefined
}

/** A limit as Docker writes it: `nofile=1024` or `nofile=1024:2048`. */
export function ulimitOf(text: string): Ulimit | undefined {
  const [, name, first, second] = /^([a-z]{1,20})=(-1|\d{1,15})(?::(-1|\d{1,15}))?$/.exec(text.trim()) ?? []
  if (name === undefined) return undefined
  const soft = Number(first)
  const hard = second === undefined ? soft : Number(second)
  const isWithin = hard === -1 || (soft !== -1 && soft <= hard)
  return (ulimitNames as readonly string[]).includes(name) && isWithin ? { name, soft, hard } : undefined
}

/** A name that leads to an address: `host:1.2.3.4`, `host=::1`, `host:[::1]`, `host:host-gateway`. */
export function extraHostOf(text: string): { name: string; address: string } | undefined {
  const [, name, written = ''] = /^([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}))[:=](.+)$/.exec(text.trim()) ?? []
  const address = written.replace(/^\[(.*)\]$/, '$1')
  if (name === undefined || !(address === 'host-gateway' || isIP(address) > 0)) return undefined
  return { name, address }
}

/** `/dev/fuse`, `/dev/fuse:/dev/inside` or `/dev/fuse:/dev/inside:rw`, always in its longest form. */
export function deviceOf(text: string): string | undefined {
  const parts = text.trim().split(':')
  const [from = '', second, third] = parts
  const isMode = (part: string | undefined) => part !== undefined && /^[rwm]{1,3}$/.test(part)
  const to = second === undefined || isMode(second) ? from : second
  const mode = third ?? (isMode(second) ? second : 'rwm')
  const isPath = (path: string) => /^\/[^\0\n]{1,200}$/.test(path)
  if (parts.length > 3 || !isPath(from) || !isPath(to) || !isMode(mode)) return undefined
  return `${from}:${to}:${mode}`
}

/** A rule for devices as Docker takes it: `c 42:* rmw`. */
export function deviceRuleOf(text: string): string | undefined {
  return /^[abc] (?:\d{1,6}|\*):(?:\d{1,6}|\*) [rwm]{1,3}$/.test(text.trim()) ? text.trim() : undefined
}

/** A kernel setting: `net.core.somaxconn=1024`. */
export function sysctlOf(text: string): string | undefined {
  return /^[a-z0-9_]+(?:[./][A-Za-z0-9_-]+)+=[\x20-\x7e]{1,200}$/.test(text.trim()) ? text.trim() : undefined
}
