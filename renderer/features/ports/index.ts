export { PortNotices } from './port-notices'
export { PortsView } from './ports-view'
