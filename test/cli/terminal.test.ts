import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { type CommandLine, commandLine, uniqueName } from './berth'

let berth: CommandLine
const name = uniqueName('terminal')

beforeAll(async () => {
  berth = await commandLine()
  const { code, stderr } = await berth.run(['up', '--image', TEST_IMAGES.debian, '--name', name])
  expect(code, stderr).toBe(0)
})
afterAll(async () => {
  await berth.run(['delete', name, '--yes'])
  await berth.dispose()
})

/** A shell in a terminal that runs `berth terminal`, and then tells how the terminal was left. */
function session() {
  const running = berth.terminal(['terminal', name])
  return { ...running, type: (text: string) => running.child.stdin.write(text) }
}

describe('berth terminal', () => {
  it('is a login shell with a terminal, whose end is its end', async () => {
    const { prints, type, ended } = session()
    await prints(/[#$] /)
    type('shopt -q login_shell && echo "lo""gin $TERM"; tty; pwd\r')
    await prints(/login xterm-256color/)
    await prints(/\/dev\/pts\/\d+/)
    type('exit 9\r')
    expect((await ended).code).toBe(9)
  })

  it('gives Ctrl-C to the shell', async () => {
    const { prints, type, ended } = session()
    await prints(/[#$] /)
    // Said by what is in the foreground: bash itself, about to start something, may take the key for its own.
    type(`sh -c 'echo wait""ing; exec sleep 1000'\r`)
    await prints(/waiting/)
    type('\u0003')
    type('echo "al""ive $?"\r')
    await prints(/alive 130/)
    type('\u0004')
    expect((await ended).code).toBe(0)
  })

  it('changes no byte of the output', async () => {
    const { prints, type, ended } = session()
    await prints(/[#$] /)
    type('stty -opost; printf "a\\nb""z\\n"; stty opost\r')
    // A bare line feed stays one: a full-screen program moves straight down by it.
    await prints(/a\nbz\n/)
    type('exit\r')
    expect((await ended).code).toBe(0)
  })

  it('is left with Ctrl-] three times, and ends what ran in it', async () => {
    const { prints, type, ended } = session()
    await prints(/[#$] /)
    type('echo un""der way; exec -a left-behind sleep 1000\r')
    await prints(/under way/)
    type('\u001d\u001d\u001d')
    expect((await ended).code).toBe(130)
    const { stdout } = await berth.run(['exec', name, '--', 'sh', '-c', 'pgrep -f ^left-behind; true'])
    expect(stdout.toString()).toBe('')
  })

  it('gives the terminal back as it was, even from a full-screen program', async () => {
    const running = berth.terminal(['terminal', name])
    await running.prints(/[#$] /)
    running.child.stdin.write('printf "\\033[?1049h\\033[?25l\\033[?1000h"; echo fu""ll; exec sleep 1000\r')
    await running.prints(/full/)
    running.child.stdin.write('\u001d\u001d\u001d')
    const { stdout } = await running.ended
    const shown = stdout.toString('latin1')
    const after = shown.slice(shown.lastIndexOf('full'))
    expect(after).toContain('\u001b[?1049l')
    expect(after).toContain('\u001b[?1000l')
    expect(after).toContain('\u001b[?25h')
  })

  it('says that it needs a terminal where there is none', async () => {
    const { code, stderr } = await berth.run(['terminal', name])
    expect(code).toBe(2)
    expect(stderr).toContain('berth exec')
  })
})
