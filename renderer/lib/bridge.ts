import type {
  ENGINE_PORT_MESSAGE,
  Result,
  ShellRequestInput,
  ShellRequestName,
  ShellRequestOutput,
} from '#contract'

/** The engine process as the shell sees it. */
export type EngineProcessState = 'starting' | 'ready' | 'crashed'

/** `window.berth`, which the preload script builds. All that a window has of the world outside. */
export interface Bridge {
  readonly platform: 'linux' | 'darwin' | 'win32'
  readonly shell: {
    call<N extends ShellRequestName>(
      name: N,
      input: ShellRequestInput<N>,
    ): Promise<Result<ShellRequestOutput<N>>>
  }
  /** Returns a function that stops listening. */
  onEngineState(listener: (state: EngineProcessState) => void): () => void
}

declare global {
  interface Window {
    readonly berth: Bridge
  }
}

/** Spelled out, because importing the contract's value would pull its schemas into the first chunk; the type keeps both equal. */
const PORT_MESSAGE: typeof ENGINE_PORT_MESSAGE = 'berth:engine-port'

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
    if (event.source !== window || event.data !== PORT_MESSAGE) return
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
