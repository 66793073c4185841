import type { PrebuildMark } from '#contract'

/** `made 2026-01-31 14:05 UTC, commit 0a1b2c3`. */
export function describePrebuild({ madeAt, commit }: Pick<PrebuildMark, 'madeAt' | 'commit'>): string {
  const [day = '', time = ''] = new Date(madeAt).toISOString().split('T')
  return `made ${day} ${time.slice(0, 5)} UTC, commit ${commit.slice(0, 7)}`
}
