import type { DoctorDocument } from '../documents'
import type { CommandContext } from '../execute'
import { exitCodes } from '../exit-codes'
import { printable, style } from '../text'

/** `berth doctor`: what Berth leans on, and how it is. Exit code 1 when a check failed. */
export async function doctor(context: CommandContext): Promise<number> {
  const engine = await context.engine()
  const checks = await engine.call('doctor.run', {}, context.signal)
  const ok = checks.every(({ state }) => state !== 'failed')
  if (context.json) {
    context.document({ ok, checks } satisfies DoctorDocument)
    return ok ? exitCodes.ok : exitCodes.problem
  }
  const { green, yellow, red, bold } = style(context.console.stdoutColor)
  const marks = { ok: green('ok     '), warning: yellow('warning'), failed: red('failed ') }
  for (const check of checks) {
    context.print(`${marks[check.state]}  ${bold(printable(check.name))}: ${printable(check.message)}`)
    if (!check.problem) continue
    const { cause, remedy } = check.problem
    if (cause && cause !== check.message) context.print(`         ${printable(cause)}`)
    if (remedy) context.print(`         What to do: ${printable(remedy)}`)
  }
  return ok ? exitCodes.ok : exitCodes.problem
}
