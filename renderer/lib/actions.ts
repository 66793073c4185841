import type { ProblemAction } from '#contract'
import { callShell } from './bridge'
import { request } from './engine'
import { askFor } from './lifecycle'
import { navigate } from './navigation'
import { notify, notifyProblem } from './notify'

/** Opens an address in the user's browser. */
export async function openInBrowser(url: string): Promise<void> {
  const result = await callShell('shell.openExternal', { url })
  if (!result.ok) notifyProblem(result.problem)
}

/** Copies, and says so unless the button itself does. */
export async function copyText(text: string, what?: string): Promise<boolean> {
  const result = await callShell('shell.writeClipboard', { text })
  if (!result.ok) notifyProblem(result.problem)
  else if (what) notify({ tone: 'good', title: `${what} copied` })
  return result.ok
}

/** Carries out a Problem's remedy. `retry` is done by whoever shows the Problem. */
export function carryOut(action: ProblemAction, retry: (() => void) | undefined): void {
  switch (action.kind) {
    case 'retry':
      retry?.()
      return
    case 'open-url':
      void openInBrowser(action.url)
      return
    case 'copy':
      void copyText(action.text, 'Text')
      return
    case 'workspace':
      askFor(action.verb, action.workspaceId)
      return
    case 'settings':
      navigate({ view: 'settings' })
      return
    case 'probe':
      void request('targets.probe', { targetId: action.targetId }).then((result) => {
        if (!result.ok) notifyProblem(result.problem)
      })
  }
}
