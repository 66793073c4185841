export type { HandedVariables, WorkspaceVariables } from './actions/variables'
export { thisOwner } from './owner'
export { createWorkspaceService, type WorkspaceService, type WorkspaceServiceOptions } from './service'
