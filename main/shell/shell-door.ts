// By file: the window's process needs neither the memory nor the time for all that the engine's requests are checked by.
import { type Problem, toProblem } from '#contract/problem'
import type { Result } from '#contract/result'
import {
  type ShellRequestName,
  type ShellRequestOutput,
  type ShellRequestParsed,
  shellRequests,
} from '#contract/shell'

/** What answers the window's requests: one function per name, given the window's own handle. */
export type ShellHandlers<W> = {
  readonly [N in ShellRequestName]: (
    input: ShellRequestParsed<N>,
    window: W,
  ) => Promise<ShellRequestOutput<N>> | ShellRequestOutput<N>
}

/**
 * Answers one message that came through the door. `window` is absent when the sender is not the page of one of our
 * windows. Nothing that comes in is trusted, and nothing is thrown out.
 */
export async function answerShellRequest<W>(
  handlers: ShellHandlers<W>,
  window: W | undefined,
  message: readonly unknown[],
  refused: (why: string, fields: Readonly<Record<string, unknown>>) => void,
): Promise<Result<unknown>> {
  const refuse = (code: Problem['code'], cause: string, name = ''): Result<never> => {
    refused(cause, { name })
    return {
      ok: false,
      problem: {
        code,
        title: 'The request was refused',
        cause,
        remedy: 'This is a defect in Berth’s window. Please report it.',
      },
    }
  }
  if (window === undefined) return refuse('permission-denied', 'It did not come from a window of Berth.')
  const [name, input] = message
  if (message.length !== 2 || typeof name !== 'string') return refuse('invalid-input', 'It is not a request.')
  if (!isRequestName(name))
    return refuse('invalid-input', 'There is no request of that name.', name.slice(0, 100))
  const parsed = shellRequests[name].input.safeParse(input)
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => [...issue.path, issue.message].map(String).join(': '))
    return refuse('invalid-input', issues.join('; ').slice(0, 1000), name)
  }
  try {
    // Parsed by this very name's schema, which the type system cannot follow through a lookup.
    const handler = handlers[name] as (input: unknown, window: W) => unknown
    return { ok: true, value: await handler(parsed.data, window) }
  } catch (error) {
    return { ok: false, problem: toProblem(error) }
  }
}

function isRequestName(name: string): name is ShellRequestName {
  return Object.hasOwn(shellRequests, name)
}
