import { WINDOW_ORIGIN } from '#contract/channels'

/** Who sent an ipc message, as far as Electron's event tells. */
export interface Sender<C> {
  readonly sender: C
  /** Null when the frame is gone by now. */
  readonly senderFrame: { readonly parent: unknown; readonly origin: string } | null
}

/** Whether a message comes from the top frame of one of our windows, and that frame shows our page. */
export function isOwnFrame<C>({ sender, senderFrame }: Sender<C>, own: (contents: C) => boolean): boolean {
  return (
    senderFrame !== null && senderFrame.parent === null && senderFrame.origin === WINDOW_ORIGIN && own(sender)
  )
}
