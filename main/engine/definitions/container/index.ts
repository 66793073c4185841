export { ContainerDraft, type Setting } from './draft'
export { mergeContainerOptions } from './merge'
export { readTmpfs } from './tmpfs'
export { processorsOf, sizeOf } from './values'
