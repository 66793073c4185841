export { openTemplates } from './open'
export { TemplatesButton } from './templates-button'
