export { isMore, quantityOf } from '../../../platform/quantity'
