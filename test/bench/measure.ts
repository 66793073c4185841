import { cpus, loadavg } from 'node:os'
import type { Bench, BenchTarget, BenchTools, Fact } from './bench'
import { bootstrap, type Interval, median, quantile } from './statistics'

/** What one bench came to: a row of the table, and all that is behind it. */
export interface BenchResult {
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly target: string
  readonly pass: boolean
  /** Median, or the bench's own quantile, of our measurements. */
  readonly ours: number
  /** The same of the reference's. */
  readonly reference: number | null
  /** Median of ours / reference over the rounds. */
  readonly ratio: number | null
  /** 95 % bootstrap interval of the ratio, or of ours where there is no reference. */
  readonly interval: Interval
  readonly rounds: readonly { readonly ours: number; readonly reference: number | null }[]
  readonly facts: readonly Fact[]
  /** Load averages over one minute, before and after, and the number of cores. */
  readonly load: { readonly before: number; readonly after: number; readonly cores: number }
  readonly seconds: number
}

const load = () => loadavg()[0] ?? Number.NaN

/** Runs one bench: a warm-up of each side, then rounds in the order A B, B A, A B, … */
export async function measure(bench: Bench, tools: BenchTools): Promise<BenchResult> {
  const started = performance.now()
  const before = load()
  const prepared = await bench.prepare(tools)
  try {
    const { ours, reference } = prepared
    await ours.call(prepared)
    await reference?.call(prepared)
    const rounds: { ours: number; reference: number | null }[] = []
    for (let round = 0; round < bench.rounds; round += 1) {
      if (!reference) rounds.push({ ours: await ours.call(prepared), reference: null })
      else if (round % 2 === 0) {
        const first = await ours.call(prepared)
        rounds.push({ ours: first, reference: await reference.call(prepared) })
      } else {
        const first = await reference.call(prepared)
        rounds.push({ ours: await ours.call(prepared), reference: first })
      }
      const last = rounds[rounds.length - 1]
      tools.say(
        `${bench.name} ${round + 1}/${bench.rounds}: ${number(last?.ours ?? 0)}${
          last?.reference == null ? '' : ` against ${number(last.reference)}`
        } ${bench.unit}`,
      )
    }
    const facts = (await prepared.facts?.()) ?? []
    const ratios = rounds.flatMap((round) => (round.reference === null ? [] : [round.ours / round.reference]))
    const at = bench.quantile ?? 0.5
    const values = rounds.map((round) => round.ours)
    const own = quantile(values, at)
    const ratio = ratios.length > 0 ? median(ratios) : null
    return {
      name: bench.name,
      title: bench.title,
      unit: bench.unit,
      target: targetText(bench.target, bench.unit),
      pass: meets(bench.target, own, ratio) && facts.every(({ pass }) => pass),
      ours: own,
      reference:
        ratios.length > 0
          ? quantile(
              rounds.flatMap(({ reference: value }) => (value === null ? [] : [value])),
              at,
            )
          : null,
      ratio,
      interval: ratios.length > 0 ? bootstrap(ratios) : bootstrap(values, at),
      rounds,
      facts,
      load: { before, after: load(), cores: cpus().length },
      seconds: (performance.now() - started) / 1000,
    }
  } finally {
    await prepared.dispose()
  }
}

function meets(target: BenchTarget, ours: number, ratio: number | null): boolean {
  if (target.kind === 'report') return true
  if (target.kind === 'value') return 'atLeast' in target ? ours >= target.atLeast : ours <= target.atMost
  if (ratio === null) return false
  return 'atLeast' in target ? ratio >= target.atLeast : ratio <= target.atMost
}

export function targetText(target: BenchTarget, unit: string): string {
  if (target.kind === 'report') return 'report'
  if (target.kind === 'value')
    return 'atLeast' in target
      ? `>= ${number(target.atLeast)} ${unit}`
      : `<= ${number(target.atMost)} ${unit}`
  return 'atLeast' in target ? `>= ${target.atLeast}x` : `<= ${target.atMost}x`
}

/** Three digits that mean something. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100) return value.toFixed(0)
  return value.toPrecision(3)
}
