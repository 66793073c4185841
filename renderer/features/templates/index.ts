export { TemplatesButton } from './templates-button'
