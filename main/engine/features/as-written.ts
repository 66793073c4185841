import type { Substitution } from '../definitions/index'

/** For files whose variables are filled in later, when their values are applied. */
export const asWritten: Substitution = {
  all: (text) => text,
  exceptEnvironment: (text) => text,
  unknown: new Set(),
}
