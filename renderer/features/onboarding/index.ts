export { FirstRunView } from './first-run-view'
