import { cancelled } from '#contract'
import type { CommandContext } from './execute'
import { UsageError } from './exit-codes'

/** Of what comes on stdin, in bytes: more is no value of a variable. */
const LIMIT = 1024 * 1024

/** Whether somebody can be asked for something that is not shown. */
export function canAsk({ console }: CommandContext): boolean {
  return console.stdinIsTerminal && console.stderrIsTerminal
}

/**
 * A secret: typed on the terminal without being shown, else all of stdin without its last line end. Never an argument,
 * which others on this machine can see. Rejects with `cancelled` on Ctrl-C.
 */
export async function readSecret(context: CommandContext, prompt: string): Promise<string> {
  if (canAsk(context)) return askHidden(context, prompt)
  const { stdin } = context.console
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk as Uint8Array))
    length += chunks.at(-1)?.length ?? 0
    if (length > LIMIT) throw new UsageError('What comes on stdin is too long for a variable.')
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}

function askHidden({ console, signal }: CommandContext, prompt: string): Promise<string> {
  const { stdin, stderr } = console
  return new Promise((resolve, reject) => {
    let typed = ''
    const finish = () => {
      stdin.off('data', onData)
      stdin.off('end', onEnd)
      signal.removeEventListener('abort', onAbort)
      stdin.setRawMode(false)
      stdin.pause()
      stderr.write('\n')
    }
    const give = () => {
      finish()
      resolve(typed)
    }
    const onAbort = () => {
      finish()
      reject(cancelled())
    }
    const onEnd = () => give()
    const onData = (chunk: Buffer | string) => {
      for (const character of chunk.toString()) {
        if (character === '\r' || character === '\n' || character === '\u0004') return give()
        if (character === '\u0003') return onAbort()
        if (character === '\u007f' || character === '\b') typed = [...typed].slice(0, -1).join('')
        else if (character === '\u0015') typed = ''
        else if (character >= ' ') typed += character
      }
    }
    stderr.write(prompt)
    stdin.setRawMode(true)
    stdin.on('data', onData)
    stdin.on('end', onEnd)
    signal.addEventListener('abort', onAbort, { once: true })
    stdin.resume()
  })
}
