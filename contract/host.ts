/**
 * Between the shell and the engine's utility process, over its parent port. Both are ours and come from one build,
 * so these are types without schemas.
 */
export type HostRequest =
  /** A window wants to be served; its MessagePort comes along. */
  | { readonly type: 'connect' }
  | { readonly type: 'ping'; readonly id: number }
  /** Dispose of everything and exit. */
  | { readonly type: 'shutdown' }

export type HostReport =
  | { readonly type: 'ready' }
  | { readonly type: 'pong'; readonly id: number }
  /** Worth a word of the system's, where nobody looks at a window. */
  | { readonly type: 'notice'; readonly title: string; readonly body: string }
  /** What would end if Berth quit now; sent at the start and whenever it changes. */
  | {
      readonly type: 'activity'
      readonly sessions: number
      readonly forwards: number
      readonly transfers: number
    }
