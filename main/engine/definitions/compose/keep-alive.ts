import { posix } from 'node:path'
import { splitWords } from './words'

const shells = ['sh', 'bash', 'ash', 'dash', 'zsh']
const loops = [
  /^while sleep \d+[smhd]?(?: & wait \$!)?; do :; ?done;?$/,
  /^while (?::|true|\[ 1 \]); do sleep \d+[smhd]?(?: & wait \$!)?; ?done;?$/,
  /^sleep (?:inf|infinity) & wait(?: \$!)?;?$/,
]

/**
 * Whether a command does nothing but keep its container running: `sleep infinity` and what people write in its place.
 * `terminal`: whether its input stays open, in which case a shell waits for ever too.
 */
export function keepsAlive(words: readonly string[], terminal: boolean): boolean {
  let rest = words
  if (['tini', 'dumb-init'].includes(posix.basename(rest[0] ?? ''))) {
    rest = rest.slice(rest[1] === '--' ? 2 : 1)
  }
  if (rest[0] === 'exec') rest = rest.slice(1)
  const [program = '', ...options] = rest
  const name = posix.basename(program)
  if (name === 'sleep') return options.length === 1 && isForEver(options[0] ?? '')
  if (name === 'tail') return /^-f \/dev\/null$/i.test(options.join(' '))
  if (options.length === 0) return terminal && (shells.includes(name) || name === 'cat')
  const [flags = '', script] = options
  if (!shells.includes(name) || !/^-[el]*c$/.test(flags) || script === undefined || options.length > 3)
    return false
  return scriptKeepsAlive(script, terminal)
}

function scriptKeepsAlive(script: string, terminal: boolean): boolean {
  if (script.length > 500) return false
  const lines = script
    .replace(/\s*\n\s*/g, '; ')
    .replace(/\s+/g, ' ')
    .replace(/(?:; ?)+/g, '; ')
    .trim()
    // What is said or trapped before changes nothing.
    .replace(/^(?:(?:echo|trap) (?:"[^"]*"|'[^']*'|[^;"'])*; )+/, '')
    .replace(/^exec /, '')
  if (loops.some((loop) => loop.test(lines))) return true
  if (/[;&|<>]/.test(lines.replace(/; ?$/, ''))) return false
  const words = splitWords(lines.replace(/; ?$/, ''))
  // Not a shell within a shell within a shell.
  return words !== undefined && !words.some((word) => word === script) && keepsAlive(words, terminal)
}

/** `infinity`, or at least a day. */
function isForEver(time: string): boolean {
  if (/^inf(?:inity)?$/i.test(time)) return true
  const match = /^(\d{1,12})([smhd]?)$/.exec(time)
  if (!match) return false
  const unit = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }[match[2] ?? ''] ?? 1
  return Number(match[1]) * unit >= 86_400
}
