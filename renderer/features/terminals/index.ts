export { TerminalsView } from './terminals-view'
