export { type ComposeRequest, type ComposeWorkspace, readCompose } from './read'
