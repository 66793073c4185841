export { OpenInMenu } from './open-in-menu'
