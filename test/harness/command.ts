import { type SpawnOptions, spawn } from 'node:child_process'

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: string | Uint8Array
  readonly timeoutMilliseconds?: number
  readonly uid?: number
  readonly gid?: number
}

export interface CommandResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end and returns what it said, whatever its exit code. Rejects if it cannot be started or takes too long. */
export function tryCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { input, timeoutMilliseconds, ...rest } = options
  const spawnOptions: SpawnOptions = { ...rest, stdio: ['pipe', 'pipe', 'pipe'] }
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], spawnOptions)
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
    const timer = timeoutMilliseconds
      ? setTimeout(() => {
          child.kill('SIGKILL')
          reject(
            new Error(
              `${command} ${args.join(' ')}: not done after ${timeoutMilliseconds} ms\n${Buffer.concat(stderr)}`,
            ),
          )
        }, timeoutMilliseconds)
      : undefined
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({
        code,
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      })
    })
    // A program that ends without reading all of its input is no failure of ours; its exit code tells.
    child.stdin?.once('error', () => undefined)
    child.stdin?.end(input)
  })
}

/** Like {@link tryCommand}, and rejects with what the program printed if it exits with anything but 0. Returns stdout. */
export async function command(
  name: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await tryCommand(name, args, options)
  if (code !== 0) throw new Error(`${name} ${args.join(' ')}: exit code ${code}\n${stderr}${stdout}`)
  return stdout
}
