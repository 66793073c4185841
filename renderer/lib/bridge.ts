import type { BerthWindow, Result, ShellRequestInput, ShellRequestName, ShellRequestOutput } from '#contract'
import { ENGINE_PORT_MESSAGE } from '#contract/channels'

declare global {
  interface Window {
    /** Built by the preload script. All that a window has of the world outside. */
    readonly berth: BerthWindow
  }
}

/** Asks the shell for something that only it can do. Never throws. */
export async function callShell<N extends ShellRequestName>(
  name: N,
  input: ShellRequestInput<N>,
): Promise<Result<ShellRequestOutput<N>>> {
  try {
    return await window.berth.shell.call(name, input)
  } catch (thrown) {
    const detail = thrown instanceof Error ? thrown.message : String(thrown)
    return {
      ok: false,
      problem: {
        code: 'internal',
        title: 'The window could not reach the rest of Berth',
        cause: `The request “${name}” was not answered.`,
        remedy: 'Close the window and open it again.',
        detail,
      },
    }
  }
}

/** Calls `listener` with each engine port that the preload script hands over. */
export function onEnginePort(listener: (port: MessagePort) => void): () => void {
  const receive = (event: MessageEvent) => {
    if (event.source !== window || event.data !== ENGINE_PORT_MESSAGE) return
    const port = event.ports[0]
    if (port) listener(port)
  }
  window.addEventListener('message', receive)
  return () => window.removeEventListener('message', receive)
}

/** True where shortcuts use Command rather than Control. */
export function isMac(): boolean {
  return window.berth.platform === 'darwin'
}
