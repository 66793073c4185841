import type { Tally } from './tar/tally'

/** Where a copy tells how it goes. All methods are cheap and never throw. */
export interface CopyReport extends Tally {
  /** Bytes so far; those that an earlier attempt brought are among them. */
  readonly bytes: number
  /** Answers with what takes back all that is counted from now on: for what is begun anew, with nothing beside it. */
  mark(): () => void
  /** There is no connection just now; it goes on when there is one. */
  waiting(is: boolean): void
}
