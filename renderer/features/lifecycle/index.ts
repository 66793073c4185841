export { LifecycleDialogs } from './lifecycle-dialogs'
