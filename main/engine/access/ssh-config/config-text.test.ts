import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ProblemError } from '#contract'
import { readKeyFiles } from '../keys/key-files'
import { configText, configWord, knownHostsText } from './config-text'

const platform = process.platform
const hasSsh = platform !== 'win32' && spawnSync('ssh', ['-V']).status === 0

let base: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'berth-config-test-'))
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

/** A configuration in a folder, whose ProxyCommand writes down its arguments. */
async function configIn(folder: string) {
  mkdirSync(folder, { recursive: true })
  const { hostKey, paths } = await readKeyFiles(folder)
  const told = join(folder, 'told')
  const script = join(folder, 'proxy.sh')
  writeFileSync(script, `printf '%s\\n' "$@" > "$(dirname "$0")/told"\n`)
  writeFileSync(paths.knownHosts, knownHostsText(hostKey))
  writeFileSync(paths.config, configText({ paths, hostKey, commandLine: ['/bin/sh', script], platform }))
  return { paths, told }
}

describe('the configuration for OpenSSH', () => {
  it.skipIf(!hasSsh)('is read by it as it is meant', async () => {
    const { paths } = await configIn(join(base, 'with spaces'))
    const told = execFileSync('ssh', ['-T', '-G', '-F', paths.config, 'demo.berth'], { encoding: 'utf8' })
    expect(told.split('\n')).toEqual(
      expect.arrayContaining([
        'user berth',
        'hostname demo.berth',
        `identityfile ${paths.clientKey}`,
        'identitiesonly yes',
        'hostkeyalias berth-gateway',
        'stricthostkeychecking true',
        'preferredauthentications publickey',
        'kexalgorithms curve25519-sha256',
        'serveraliveinterval 15',
      ]),
    )
    const other = execFileSync('ssh', ['-T', '-G', '-F', paths.config, 'berth.example.com'], {
      encoding: 'utf8',
    })
    expect(other).not.toContain('berth-gateway')
  })

  it.skipIf(!hasSsh).each(['plain', 'with spaces', "it's $HOME `id`", 'a & b; c'])(
    'runs its command from a folder called %s',
    async (name) => {
      const { paths, told } = await configIn(join(base, name))
      spawnSync('ssh', ['-T', '-F', paths.config, 'demo.default.berth'])
      expect(readFileSync(told, 'utf8')).toBe('ssh-proxy\ndemo.default.berth\n')
    },
  )

  it
    .skipIf(!hasSsh)
    .each([
      "x'$(touch TOUCHED)'.berth",
      'x$(touch TOUCHED).berth',
      'x`touch TOUCHED`.berth',
      'x;touch TOUCHED;.berth',
      "'|touch TOUCHED|'.berth",
      "x'\ntouch TOUCHED\n'.berth",
    ])('runs nothing else, whatever a host is called: %j', async (host) => {
    const { paths } = await configIn(join(base, 'one'))
    const touched = join(base, 'touched')
    spawnSync('ssh', ['-F', paths.config, '-o', 'ConnectTimeout=1', host.replaceAll('TOUCHED', touched)])
    expect(existsSync(touched)).toBe(false)
  })

  it('says no to a path that it cannot be told', () => {
    const code = (path: string) => {
      try {
        return configWord(path, 'linux')
      } catch (error) {
        return (error as ProblemError).problem.code
      }
    }
    expect(code('/home/me and you/ssh')).toBe('"/home/me and you/ssh"')
    for (const path of ['/a"b', '/a%h', '/a*', '/a[b]', '/a?', '/a\nb', '/${HOME}'])
      expect(code(path)).toBe('unsupported')
  })

  it('has the slashes that OpenSSH has on Windows', () => {
    expect(configWord('C:\\Users\\me and you\\ssh', 'win32')).toBe('"C:/Users/me and you/ssh"')
  })
})
