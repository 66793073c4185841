import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cancelled, problem } from '#contract'
import type { Platform } from '../../../platform/platform'
import type { StepReport } from '../../driver'
import { diskFull } from '../../shared/build/words'
import type { EngineClient } from '../client'
import { isStatus } from '../problems'
import { readJsonLines } from '../streams/json-lines'

/** The image that Berth makes of Debian's packages where no registry can be reached. */
export const BASE_IMAGE = 'berth/base:bookworm'
const SUITE = 'bookworm'
/** What a terminal is useless without; kept small. */
const PACKAGES = ['ca-certificates', 'git', 'curl', 'procps', 'openssh-client', 'less', 'nano']
const CA_BUNDLE = 'etc/ssl/certs/ca-certificates.crt'

/** Whether the base image can be made here: the engine is this machine's, and this is a Debian-like one, with root. */
export async function canBuildBaseImage(local: boolean, { processes }: Platform): Promise<boolean> {
  if (!local || process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  if (!/^(ID|ID_LIKE)=.*(debian|ubuntu)/m.test(release)) return false
  const { code } = await processes.run('dpkg', ['--version'])
  return code === 0
}

/** Makes {@link BASE_IMAGE} with debootstrap, which takes a minute or two. Leaves no folder behind, whatever happens. */
export async function makeBaseImage(
  client: EngineClient,
  platform: Platform,
  report: StepReport,
  signal: AbortSignal,
): Promise<void> {
  await ensureDebootstrap(platform, report, signal)
  const folder = await mkdtemp(join(platform.folders.temporary, 'berth-base-'))
  try {
    const root = join(folder, 'root')
    await bootstrap(platform, root, report, signal)
    await tidy(root)
    // Another Berth may have been quicker: a second one would leave the first without a name.
    if (await exists(client, signal)) return
    await load(client, platform, root, report, signal)
  } catch (error) {
    if (signal.aborted) throw cancelled('Making the base image')
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function exists(client: EngineClient, signal: AbortSignal): Promise<boolean> {
  try {
    await client.json('GET', `/images/${BASE_IMAGE}/json`, { signal })
    return true
  } catch (error) {
    if (isStatus(error, 404)) return false
    throw error
  }
}

async function ensureDebootstrap(platform: Platform, report: StepReport, signal: AbortSignal): Promise<void> {
  const { processes, env } = platform
  const present = await processes.run('debootstrap', ['--version'], { signal })
  if (present.code === 0) return
  report.detail('Installing debootstrap')
  const quiet = { ...env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'debootstrap']]) {
    const result = await processes.run('apt-get', args, { env: quiet, signal, group: true })
    report.output(result.stdout)
    if (signal.aborted) throw cancelled('Making the base image')
    if (result.code !== 0 && args[0] === 'install')
      throw failed('debootstrap could not be installed.', result.stderr)
  }
}

/** debootstrap's phases by the words that it begins its lines with, and how far each gets it, in percent. */
const phases: readonly (readonly [RegExp, number, string])[] = [
  [/^I: Retrieving /, 5, 'Downloading packages'],
  [/^I: Validating /, 5, 'Downloading packages'],
  [/^I: Extracting /, 45, 'Unpacking the core'],
  [/^I: Unpacking /, 60, 'Installing packages'],
  [/^I: Configuring /, 80, 'Setting up packages'],
]

async function bootstrap(
  platform: Platform,
  root: string,
  report: StepReport,
  signal: AbortSignal,
): Promise<void> {
  const { processes, env } = platform
  const running = processes.spawn(
    'debootstrap',
    // Without a mirror: debootstrap knows Debian's own.
    ['--variant=minbase', `--include=${PACKAGES.join(',')}`, SUITE, root],
    { env: { ...env, DEBIAN_FRONTEND: 'noninteractive' }, signal, group: true },
  )
  running.stdin.end()
  let errors = ''
  let percent = 0
  let seen = 0
  running.stdout.on('data', (chunk: Buffer) => {
    const text = chunk.toString('utf8')
    report.output(text)
    for (const line of text.split('\n')) {
      if (/^[EW]: /.test(line)) errors += `${line}\n`
      const phase = phases.find(([begin]) => begin.test(line))
      if (!phase) continue
      const [, floor, name] = phase
      seen = percent < floor ? 0 : seen + 1
      // Within a phase the end is not known: each line gets it a little nearer to the next.
      percent = Math.max(percent, Math.min(99, floor + Math.min(seen * 0.12, 14)))
      report.detail(`${name}: ${line.slice(3, 80)}`)
      report.progress({ current: Math.round(percent), total: 100, unit: 'percent' })
    }
  })
  running.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString('utf8')
    report.output(chunk.toString('utf8'))
  })
  const { code, error } = await running.exit
  if (signal.aborted) throw cancelled('Making the base image')
  if (code !== 0) throw failed("Debian's packages could not be installed into it.", error?.message ?? errors)
}

/** Drops what apt can get again, and hands on the certificates that this machine trusts. */
async function tidy(root: string): Promise<void> {
  await rm(join(root, 'var/lib/apt/lists'), { recursive: true, force: true })
  await rm(join(root, 'var/cache/apt/archives'), { recursive: true, force: true })
  const trusted = await readFile(join('/', CA_BUNDLE)).catch(() => undefined)
  if (trusted) await writeFile(join(root, CA_BUNDLE), trusted)
}

async function load(
  client: EngineClient,
  { processes }: Platform,
  root: string,
  report: StepReport,
  signal: AbortSignal,
): Promise<void> {
  report.detail('Loading it into the engine')
  const [repo = '', tag = ''] = BASE_IMAGE.split(':')
  // `dev` and `proc` are the engine's to make; debootstrap may have left them mounted or full of devices.
  const tar = processes.spawn('tar', ['--exclude=./dev/*', '--exclude=./proc/*', '-C', root, '-c', '.'], {
    signal,
  })
  tar.stdin.end()
  tar.stderr.resume()
  try {
    const changes = [
      'CMD ["bash"]',
      'LABEL berth.dev/base="made by Berth from Debian packages, because no registry could be reached"',
      'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ]
    const response = await client.stream('POST', '/images/create', {
      query: { fromSrc: '-', repo, tag, changes },
      body: tar.stdout,
      signal,
    })
    for await (const line of readJsonLines<{ error?: string }>(response)) {
      if (!line.error) continue
      if (/no space left/i.test(line.error)) {
        throw problem(diskFull('The base image could not be made', client.identity.targetName, line.error))
      }
      throw failed('The engine did not take it.', line.error)
    }
    const { code } = await tar.exit
    if (code !== 0) throw failed('It could not be packed.', `tar ended with code ${code}`)
  } finally {
    tar.kill()
  }
}

function failed(cause: string, detail: string) {
  return problem({
    code: 'registry-unreachable',
    title: 'The base image could not be made',
    cause: `No registry can be reached, and in place of it: ${cause}`,
    remedy: 'Check the network, or name an image that is on the engine already.',
    detail,
  })
}
