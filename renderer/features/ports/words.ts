import type { Port, Problem } from '#contract'

/** How the port is, in words that promise no more than is so. */
export function portStateText({ state, forward }: Port): string {
  switch (state) {
    case 'live':
      return forward ? 'Live' : 'Listening'
    case 'reconnecting':
      return 'Reconnecting'
    case 'not-listening':
      return 'Nothing listens now'
    case 'failed':
      return 'Failed'
  }
}

/** Why it may be nothing to open, where that is so: short, and in a sentence. */
export function doubtText({
  doubt,
  state,
}: Port): { readonly short: string; readonly long: string } | undefined {
  if (state !== 'live') return undefined
  switch (doubt) {
    case 'random':
      return {
        short: 'Maybe a helper’s own',
        long: 'The system gave this number, as it does to language servers and other helpers, and no terminal shows it.',
      }
    case 'no-process':
      return {
        short: 'Maybe not from here',
        long: 'No process of this workspace was found that listens here. It may be another container that shares its network.',
      }
    default:
      return undefined
  }
}

/** What a browser would open, if anything. */
export function portAddress({ forward, protocol }: Port): string | undefined {
  if (!forward) return undefined
  if (forward.url) return forward.url
  if (protocol === 'tcp') return undefined
  return `${protocol}://${forward.localAddress}:${forward.localPort}/`
}

/**
 * What stands where there are no ports.
 *
 * @param blind why what listens cannot be seen, where that is so
 */
export function noPorts(
  running: boolean,
  blind: Problem['code'] | undefined,
  autoForward: boolean,
): { readonly title: string; readonly text: string } {
  if (!running)
    return { title: 'No ports', text: 'Start the workspace; whatever listens in it shows up here.' }
  if (blind === 'no-shell')
    return {
      title: 'No port is forwarded yet',
      text: 'Say on which port your app listens. It then has an address here, and a URL that works in your browser.',
    }
  if (blind !== undefined)
    return {
      title: 'What listens is not known',
      text: 'It shows up here by itself as soon as Berth can look into the workspace again.',
    }
  return {
    title: 'Nothing listens yet',
    text: autoForward
      ? 'Start your app in a terminal. Its port shows up here by itself, with a URL that works in your browser, even if it listens on 127.0.0.1 only.'
      : 'Start your app in a terminal. Its port shows up here; forwarding by itself is switched off in Settings.',
  }
}
