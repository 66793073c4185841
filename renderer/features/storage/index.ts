export { PrebuildDialog } from './prebuild-dialog'
export { StorageView } from './storage-view'
