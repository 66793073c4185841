export { IdleNotices } from './idle-notices'
export { type WorkspacePanels, WorkspaceView } from './workspace-view'
