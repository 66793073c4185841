export { TargetCard } from './target-card'
export { TargetsView } from './targets-view'
