export { WorkspacesView } from './workspaces-view'
