import type { Problem } from '#contract'
import { diskFull, firstLine } from './words'

export interface ImageFailure {
  readonly image: string
  readonly registry: string
  readonly targetName: string
  /** Whether a login was sent along. */
  readonly authenticated: boolean
  /** `linux/amd64` of the engine. */
  readonly platform?: string
}

/** What a registry's or engine's refusal to hand over an image means. The texts are those of Docker and containerd. */
export function pullProblem(message: string, failure: ImageFailure): Problem {
  const { image, registry, targetName } = failure
  const title = `The image "${image}" could not be pulled`
  const detail = message
  if (/no space left on device/i.test(message)) return diskFull(title, targetName, message)
  if (
    /no matching manifest|does not match the specified platform|image operating system|no match for platform/i.test(
      message,
    )
  ) {
    return {
      code: 'image-platform',
      title,
      cause: `There is no build of it for the engine's platform${failure.platform ? ` (${failure.platform})` : ''}.`,
      remedy: 'Choose an image for this platform, or a target of another one.',
      detail,
    }
  }
  if (
    /pull access denied|repository does not exist|requested access to the resource is denied/i.test(message)
  ) {
    return failure.authenticated
      ? {
          code: 'registry-auth',
          title,
          cause: `There is no such image on ${registry}, or your login may not read it.`,
          remedy: `Check the name, or log in as someone who may: docker login ${registry}`,
          detail,
        }
      : {
          code: 'image-not-found',
          title,
          cause: `There is no such image on ${registry}, or it is private.`,
          remedy: `Check the name. If it is private, log in: docker login ${registry}`,
          detail,
          actions: [{ kind: 'copy', label: 'Copy the login command', text: loginCommand(registry) }],
        }
  }
  if (
    /unauthorized|authentication required|no basic auth credentials|incorrect username or password|status: 40[13]|403 forbidden/i.test(
      message,
    )
  ) {
    return {
      code: 'registry-auth',
      title,
      cause: failure.authenticated
        ? `${registry} does not accept your login.`
        : `${registry} wants a login, and there is none for it on this machine.`,
      remedy: `Log in: ${loginCommand(registry)}`,
      detail,
      actions: [{ kind: 'copy', label: 'Copy the login command', text: loginCommand(registry) }],
    }
  }
  if (
    /manifest unknown|manifest for .* not found|not found|name unknown|unknown manifest|invalid reference format/i.test(
      message,
    )
  ) {
    return {
      code: 'image-not-found',
      title,
      cause: `${registry} has no image of this name and tag.`,
      remedy: 'Check the spelling and the tag.',
      detail,
    }
  }
  if (/toomanyrequests|rate limit/i.test(message)) {
    return {
      code: 'registry-unreachable',
      title,
      cause: `${registry} allows no more pulls for now.`,
      remedy: `Log in for a higher limit (${loginCommand(registry)}), or try again later.`,
      detail,
    }
  }
  return {
    code: 'registry-unreachable',
    title,
    cause: `The engine "${targetName}" cannot reach ${registry}: ${firstLine(message)}`,
    remedy: "Check the engine's network and proxy, or use an image that is already there.",
    detail,
    actions: [{ kind: 'retry', label: 'Try again' }],
  }
}

function loginCommand(registry: string): string {
  return registry === 'docker.io' ? 'docker login' : `docker login ${registry}`
}
