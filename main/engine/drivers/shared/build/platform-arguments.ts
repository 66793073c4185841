const names = ['PLATFORM', 'OS', 'ARCH', 'VARIANT'] as const

/**
 * The arguments that BuildKit gives each build of itself (docs.docker.com, "Automatic platform ARGs in the global
 * scope"), as far as a Dockerfile asks for them and `args` has them not. The classic builder has none, and BuildKit
 * before 0.13 forgets them where they are declared before the first FROM. `target`: what is built for, and `own`: the
 * builder's own, both as `os/arch/variant`.
 */
export function platformArguments(
  text: string,
  args: Readonly<Record<string, string>>,
  target: string,
  own: string,
): Record<string, string> {
  const asked = new Set(
    [...text.matchAll(/^[ \t]*ARG[ \t]+(.*)$/gim)].flatMap(([, rest = '']) => rest.trim().split(/\s+/)),
  )
  const found: Record<string, string> = {}
  for (const [prefix, platform] of Object.entries({ TARGET: target, BUILD: own })) {
    const [os = '', arch = '', variant = ''] = platform.split('/')
    const values = { PLATFORM: platform, OS: os, ARCH: arch, VARIANT: variant }
    for (const name of names) {
      // One with a default has that value in the global scope of BuildKit, and does so here.
      if (asked.has(prefix + name) && !Object.hasOwn(args, prefix + name)) found[prefix + name] = values[name]
    }
  }
  return found
}
