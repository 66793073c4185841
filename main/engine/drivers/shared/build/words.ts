import type { Problem } from '#contract'

/** Of an engine that has no room left, in whatever words it says so. */
export function diskFull(title: string, targetName: string, detail: string): Problem {
  return {
    code: 'disk-full',
    title,
    cause: `The disk of the engine "${targetName}" is full.`,
    remedy: 'Free some space there, for example with "docker system df" and "docker image prune".',
    detail,
  }
}

/** What a sentence quotes of a longer text. */
export function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? ''
}
