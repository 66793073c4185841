import type { BuildFailure } from '../build-failure'
import type { FailedStep } from './progress'
import type { BuildServices } from './services'

/** What BuildKit said of a build that failed, and what it asked for in vain, for a Problem. */
export function describeFailure(
  { message, step }: { readonly message: string; readonly step: FailedStep | undefined },
  services: Pick<BuildServices, 'missingSecrets' | 'missingAgent'>,
): Omit<BuildFailure, 'dockerfile'> {
  const name = step?.name ?? ''
  const image = /^(?:\[internal\] load metadata for|resolve image config for|docker-image:\/\/)\s*(\S+)/.exec(
    name,
  )
  return {
    message: step?.error && !message.includes(step.error) ? `${message}\n${step.error}` : message,
    image: image?.[1]?.replace(/^docker-image:\/\//, ''),
    instruction: /^\[(?!internal)[^\]]*\d+\/\d+\] (.*)/s.exec(name)?.[1],
    lines: step?.lines ?? [],
    builder: 'buildkit',
    hints: hintsOf(services),
  }
}

function hintsOf({ missingSecrets, missingAgent }: Pick<BuildServices, 'missingSecrets' | 'missingAgent'>) {
  const secrets = [...missingSecrets].map(
    (id) =>
      `If it may have the secret "${id}", say so: --build-secret id=${id},env=VARIABLE or id=${id},src=FILE.`,
  )
  switch (missingAgent()) {
    case 'not-allowed':
      return [...secrets, 'If it may use your SSH agent, say so: --build-ssh.']
    case 'none':
      return [...secrets, 'It asks for your SSH agent, and none runs here.']
    default:
      return secrets
  }
}
