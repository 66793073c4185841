import { create } from 'zustand'

/** Whether a screen reader or the like is at work, as the shell told last; until then, that none is. */
export const useAssistive = create<{ readonly on: boolean }>(() => ({ on: false }))

if (typeof window !== 'undefined') window.berth.onAssistive((on) => useAssistive.setState({ on }))
