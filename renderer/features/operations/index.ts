export { FailedCreates } from './failed-creates'
export { OperationStrip } from './operation-strip'
export { OperationView } from './operation-view'
