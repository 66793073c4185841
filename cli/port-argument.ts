import { UsageError } from './exit-codes'

/** `8501`, or `8501:18501` for another number on this machine. */
export function parsePortPair(text: string): { readonly port: number; readonly localPort?: number } {
  const match = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(text)
  const port = Number(match?.[1])
  const localPort = match?.[2] === undefined ? undefined : Number(match[2])
  if (!match || !isPort(port) || (localPort !== undefined && !isPort(localPort)))
    throw new UsageError(
      `“${text}” is not a port: write 8501, or 8501:18501 for another number on this machine.`,
    )
  return { port, ...(localPort === undefined ? {} : { localPort }) }
}

function isPort(number: number): boolean {
  return Number.isInteger(number) && number >= 1 && number <= 65_535
}
