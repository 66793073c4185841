import { create } from 'zustand'
import type { ServiceStatus, Workspace } from '#contract'
import { request } from './engine'
import { openWorkspace } from './navigation'
import { notifyProblem } from './notify'

/** Terminals that were opened elsewhere than in the view that shows them, by workspace: to be shown there. */
export const useWantedTerminal = create<ReadonlyMap<string, string>>(() => new Map())

/** The view has it. */
export function haveTerminal(workspaceId: string): void {
  useWantedTerminal.setState((wanted) => {
    const left = new Map(wanted)
    left.delete(workspaceId)
    return left
  }, true)
}

/** Of one that nobody looks at yet: its view gives it its own. */
const SIZE = { columns: 80, rows: 24 }

/** Opens a terminal in a service, and shows it. */
export async function openServiceTerminal(workspaceId: string, service: string): Promise<void> {
  const result = await request('sessions.create', { workspaceId, service, ...SIZE })
  if (!result.ok) return notifyProblem(result.problem)
  const { sessionId } = result.value
  useWantedTerminal.setState((wanted) => new Map(wanted).set(workspaceId, sessionId), true)
  openWorkspace(workspaceId, 'terminals')
}

const running: ReadonlySet<ServiceStatus['state']> = new Set(['starting', 'running', 'healthy', 'unhealthy'])

/** Services in which something can be started just now, in the definition's order. */
export function runningServices({ state, services = [] }: Pick<Workspace, 'state' | 'services'>): string[] {
  return state === 'running'
    ? services.filter((service) => running.has(service.state)).map(({ name }) => name)
    : []
}

/** What becomes of a terminal in a service, for whoever opens one. */
export const serviceTerminalNote = 'It ends when Berth is closed or cut off.'
