export { ConsentDialog } from './consent-dialog'
