export { ContainerDraft, type Setting } from './draft'
export { mergeContainerOptions } from './merge'
export { sizeOf } from './values'
