export { createWorkspaceService, type WorkspaceService, type WorkspaceServiceOptions } from './service'
