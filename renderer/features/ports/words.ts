import type { Port } from '#contract'

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

/** What a browser would open, if anything. */
export function portAddress({ forward, protocol }: Port): string | undefined {
  if (!forward) return undefined
  if (forward.url) return forward.url
  if (protocol === 'tcp') return undefined
  return `${protocol}://${forward.localAddress}:${forward.localPort}/`
}
