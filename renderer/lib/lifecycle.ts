import { create } from 'zustand'
import type {
  BuildGrants,
  CreateInput,
  Operation,
  Problem,
  RequestOutput,
  Result,
  Right,
  Workspace,
  WorkspaceState,
} from '#contract'
import { deniedProblem } from '#contract/denied'
import { collectionStores, request } from './engine'
import { sourceText } from './format'
import { notifyProblem } from './notify'

/** What can be done to a workspace as a whole. */
export type WorkspaceVerb =
  | 'start'
  | 'stop'
  | 'force-stop'
  | 'restart'
  | 'rebuild'
  | 'rename'
  | 'grow'
  | 'delete'
/** Those that need to know nothing more. */
export type PlainVerb = Exclude<WorkspaceVerb, 'rename' | 'grow'>

/** The question that is open: the lifecycle feature shows its dialog. */
export const useAsked = create<{
  readonly asked: { readonly verb: WorkspaceVerb; readonly workspaceId: string } | undefined
}>(() => ({ asked: undefined }))

/**
 * The verbs that make sense in a state, of those that the identity on the target may do. A workspace that is on its way
 * somewhere can only be waited for or cancelled.
 */
export function possibleVerbs(workspace: Workspace, busy: boolean): ReadonlySet<WorkspaceVerb> {
  if (busy) return new Set()
  const verbs = verbsByState(workspace)
  const stands = verbs.size > 0 && workspace.volume?.size !== undefined
  const possible: readonly WorkspaceVerb[] = stands ? [...verbs, 'grow'] : [...verbs]
  return new Set(possible.filter((verb) => !deniedVerb(workspace, verb)))
}

/** Why a verb is not offered on the workspace's target, naming the right that is missing; undefined where it is. */
export function deniedVerb({ targetId }: Workspace, verb: WorkspaceVerb): Problem | undefined {
  const target = collectionStores.targets.getState().records.get(targetId)
  if (verb === 'restart') return deniedProblem(target, 'stop') ?? deniedProblem(target, 'start')
  return deniedProblem(target, verb === 'force-stop' ? 'stop' : verb)
}

function verbsByState(workspace: Workspace): ReadonlySet<WorkspaceVerb> {
  switch (workspace.state) {
    case 'running':
      return new Set(['stop', 'restart', 'rebuild', 'rename', 'delete'])
    case 'stopped':
      return new Set(['start', 'rebuild', 'rename', 'delete'])
    case 'failed':
      return new Set(['start', 'restart', 'rebuild', 'rename', 'delete', ...offeredVerbs(workspace)])
    case 'starting':
      // Nobody here is at it: the target goes on trying, or somebody elsewhere is at it, or was.
      return new Set(['stop', 'rebuild', 'delete'])
    default:
      return new Set()
  }
}

/** What the Problem of a workspace says can be done about it. */
function offeredVerbs({ problem }: Workspace): WorkspaceVerb[] {
  return (problem?.actions ?? []).flatMap((action) => (action.kind === 'workspace' ? [action.verb] : []))
}

/** The operation that is under way on a workspace, if any. */
export function runningOperation(
  operations: readonly Operation[],
  workspaceId: string,
): Operation | undefined {
  return operations.find(
    (operation) => operation.workspaceId === workspaceId && operation.state === 'running',
  )
}

/** The newest operation of a workspace. */
export function latestOperation(
  operations: readonly Operation[],
  workspaceId: string,
): Operation | undefined {
  return operations
    .filter((operation) => operation.workspaceId === workspaceId)
    .reduce<Operation | undefined>(
      (newest, operation) => (newest && newest.startedAt >= operation.startedAt ? newest : operation),
      undefined,
    )
}

/**
 * Whether the action would take something that cannot be had again. What runs is lost by each of them; that counts
 * only when something does run. A delete is never taken for harmless.
 */
export function losesWork(
  verb: Exclude<PlainVerb, 'start'>,
  now: { readonly state: WorkspaceState; readonly terminals: number; readonly livePorts: number },
): boolean {
  if (verb === 'delete' || verb === 'rebuild' || verb === 'force-stop') return true
  return now.state === 'running' && (now.terminals > 0 || now.livePorts > 0)
}

/** Starts at once; everything that loses or changes something is asked first, by the settings as they are now. */
export function askFor(verb: WorkspaceVerb, workspaceId: string): void {
  if (verb === 'start' || (verb !== 'rename' && verb !== 'grow' && isHarmless(verb, workspaceId))) {
    void perform(verb, workspaceId)
  } else {
    useAsked.setState({ asked: { verb, workspaceId } })
  }
}

/** Whether the user wants not to be asked, because nothing is lost. Decided when they act, never while a question is open. */
function isHarmless(verb: Exclude<PlainVerb, 'start'>, workspaceId: string): boolean {
  const { settings, workspaces, sessions, ports } = collectionStores
  const workspace = workspaces.getState().records.get(workspaceId)
  if (!workspace || settings.getState().records.get('settings')?.value.confirm !== 'when-lossy') return false
  const here = <T extends { readonly workspaceId: string }>(list: readonly T[]) =>
    list.filter((record) => record.workspaceId === workspaceId)
  return !losesWork(verb, {
    state: workspace.state,
    terminals: here(sessions.getState().list).filter((session) => session.state !== 'ended').length,
    livePorts: here(ports.getState().list).filter((port) => port.state === 'live').length,
  })
}

/** What the user has said to an action besides yes. */
export interface Said {
  /** Of a rebuild. */
  readonly allowRights?: readonly Right[] | undefined
  /** Of a rebuild. */
  readonly buildGrants?: BuildGrants | undefined
  /** Of a deletion. */
  readonly keepSnapshots?: boolean | undefined
}

/** Does it without asking. A refusal is told in a notice. */
export async function perform(verb: PlainVerb, workspaceId: string, said: Said = {}): Promise<boolean> {
  const result = await ask(verb, workspaceId, said)
  if (!result.ok) notifyProblem(result.problem)
  return result.ok
}

function ask(verb: PlainVerb, workspaceId: string, { allowRights, buildGrants, keepSnapshots }: Said) {
  switch (verb) {
    case 'force-stop':
      return request('workspaces.stop', { workspaceId, force: true })
    case 'rebuild':
      return request('workspaces.rebuild', {
        workspaceId,
        ...(allowRights && { allowRights: [...allowRights] }),
        ...(buildGrants && { buildGrants }),
      })
    case 'delete':
      return request('workspaces.delete', { workspaceId, ...(keepSnapshots && { keepSnapshots }) })
    default:
      return request(`workspaces.${verb}`, { workspaceId })
  }
}

export async function cancelOperation(operationId: string): Promise<void> {
  const result = await request('operations.cancel', { operationId })
  if (!result.ok && collectionStores.operations.getState().records.get(operationId)?.state === 'running') {
    notifyProblem(result.problem)
  }
}

/** The sources of this window's creates as they were typed. */
const typed = new Map<string, string>()

export interface CreateRequest {
  readonly input: CreateInput
  /** The source as the user typed it. */
  readonly text: string
}

export async function createWorkspace(
  wanted: CreateRequest,
): Promise<Result<RequestOutput<'workspaces.create'>>> {
  const result = await request('workspaces.create', wanted.input)
  if (result.ok) typed.set(result.value.operationId, wanted.text)
  return result
}

/** What an operation of kind `create` was asked for, so that a failed one can be done again as it was. */
export function createRequestOf({ id, asked }: Operation): CreateRequest | undefined {
  return asked && { input: asked, text: typed.get(id) ?? sourceText(asked.source) }
}
