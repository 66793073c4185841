export { CreateView } from './create-view'
