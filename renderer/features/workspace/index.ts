export { type WorkspacePanels, WorkspaceView } from './workspace-view'
