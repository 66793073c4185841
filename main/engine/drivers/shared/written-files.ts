import type { ContainerOptions, WrittenFile } from '#contract'
import { substituteEnvironment } from '../../platform/variables'

/** Permission bits of a file of which nothing is said (Compose specification, "secrets"). */
export const usualMode = 0o444

/** What is in a file with this machine's environment; undefined where the variable that it holds is not set here. */
export function contentOfFile(
  { text, variable }: WrittenFile,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (variable === undefined) return substituteEnvironment(text ?? '', { local: env })
  return Object.hasOwn(env, variable) ? env[variable] : undefined
}

/** The files that are written into a container, none of two at one place. */
export function filesOf(options: Pick<ContainerOptions, 'files'> | undefined): readonly WrittenFile[] {
  return [...new Map((options?.files ?? []).map((file) => [file.target, file])).values()]
}
