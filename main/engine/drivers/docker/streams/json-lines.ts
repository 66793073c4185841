import type { Readable } from 'node:stream'

/** Objects of a stream of JSON texts, one per line. What is not JSON is skipped; the stream's errors are thrown. */
export async function* readJsonLines<T>(stream: Readable): AsyncGenerator<T> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    rest += decoder.decode(chunk as Buffer, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const value = parse<T>(line)
      if (value !== undefined) yield value
    }
  }
  const value = parse<T>(rest)
  if (value !== undefined) yield value
}

function parse<T>(line: string): T | undefined {
  if (!line.trim()) return undefined
  try {
    return JSON.parse(line) as T
  } catch {
    return undefined
  }
}
