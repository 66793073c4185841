import type { Clue, Evidence, Fact } from './evidence'
import type { Language } from './toolchains'

/** A port that something of the repository is going to listen on. */
export interface PortFinding {
  readonly port: number
  readonly label: string
  readonly because: string
  readonly line?: number
}

/** A language that a folder of the repository is written in. */
export interface Finding {
  readonly language: Language
  /** `.` is the root. */
  readonly folder: string
  /** The file that says so. */
  readonly manifest: Fact
  /** As the project's own files say it, already one of the toolchain's; absent: they do not. */
  readonly version?: Fact
  /** An image that fits better than the one of the table. */
  readonly image?: (version: string) => string
  /** A shell line that fetches what the project needs. */
  readonly install?: Fact
  readonly ports: readonly PortFinding[]
}

/** A folder in which languages are looked for. */
export interface Place {
  readonly folder: string
  readonly names: readonly string[]
  readonly evidence: Evidence
  has(name: string): boolean
  /** The text of a file of the folder, by its path from there. */
  clue(name: string): Promise<Clue | undefined>
}

export async function placeAt(evidence: Evidence, folder: string): Promise<Place> {
  const names = await evidence.names(folder)
  return {
    folder,
    names,
    evidence,
    has: (name) => names.includes(name),
    clue: (name) => evidence.clue(folder === '.' ? name : `${folder}/${name}`),
  }
}

/** Path of a file of the folder, from the repository's root. */
export function pathIn({ folder }: Pick<Place, 'folder'>, name: string): string {
  return folder === '.' ? name : `${folder}/${name}`
}

/** A port that can be forwarded, or nothing. */
export function portOf(text: string | undefined): number | undefined {
  const port = Number(text)
  return text !== undefined && /^\d{2,5}$/.test(text) && port >= 80 && port <= 65_535 ? port : undefined
}

/** A port that a fact names. */
export function portFinding(fact: Fact | undefined, label: string): PortFinding | undefined {
  const port = portOf(fact?.value)
  if (!fact || port === undefined) return undefined
  return { port, label, because: fact.because, ...(fact.line === undefined ? {} : { line: fact.line }) }
}
