import { create } from 'zustand'

/** What lies over the page, if anything. Kept apart from its component, so that the frame can open it before that has loaded. */
export const useOverlay = create<{ readonly overlay: 'palette' | 'shortcuts' | undefined }>(() => ({
  overlay: undefined,
}))
