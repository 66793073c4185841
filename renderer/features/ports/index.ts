export { usePortNotices } from './port-notices'
export { PortsView } from './ports-view'
