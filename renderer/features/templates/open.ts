import { create } from 'zustand'
import { navigate } from '../../lib/navigation'

/** Whether the templates are open, over the form for a new workspace. */
export const useTemplatesOpen = create<{ readonly open: boolean }>(() => ({ open: false }))

/** Goes to the form for a new workspace, and chooses a template there. */
export function openTemplates(): void {
  navigate({ view: 'create' })
  useTemplatesOpen.setState({ open: true })
}
