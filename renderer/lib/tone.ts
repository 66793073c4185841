import type { Port, Target, WorkspaceState } from '#contract'
import type { DotTone } from '../ui/state-dot'

const workspaceTones: Record<WorkspaceState, DotTone> = {
  creating: 'busy',
  starting: 'busy',
  running: 'good',
  stopping: 'busy',
  stopped: 'off',
  failed: 'bad',
  deleting: 'busy',
}

/** @param unreachable its target does not answer: what it was doing when it was last seen is not what it does now */
export function workspaceTone(state: WorkspaceState, unreachable = false): DotTone {
  const tone = workspaceTones[state]
  return unreachable && (tone === 'good' || tone === 'busy') ? 'warn' : tone
}

const portTones: Record<Port['state'], DotTone> = {
  live: 'good',
  reconnecting: 'busy',
  'not-listening': 'off',
  failed: 'bad',
}

export function portTone(state: Port['state']): DotTone {
  return portTones[state]
}

const targetTones: Record<Target['state'], DotTone> = {
  connecting: 'busy',
  ready: 'good',
  unreachable: 'bad',
}

export function targetTone(state: Target['state']): DotTone {
  return targetTones[state]
}
