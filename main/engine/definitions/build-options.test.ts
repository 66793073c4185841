import { describe, expect, it } from 'vitest'
import { applyBuildOptions, type BuildExtras } from './build-options'

function read(...options: string[]) {
  const build: BuildExtras = { args: { A: '1' } }
  const ignored: string[] = []
  applyBuildOptions(
    options.map((text) => ({ text, ignore: (reason: string) => void ignored.push(reason) })),
    build,
  )
  return { build, ignored }
}

describe('options of docker build', () => {
  it('are applied, in both ways to write them', () => {
    const { build, ignored } = read(
      ...['--build-arg', 'B=x=y', '--build-arg=TOKEN', '--target=dev', '--platform', 'linux/arm64'],
      ...[
        '--label',
        'team=blue',
        '--no-cache',
        '--pull=false',
        '--network=none',
        '--add-host=a.test:192.0.2.1',
      ],
      ...[
        '--add-host',
        'v6.test=[2001:db8::1]',
        '--cache-from=type=registry,ref=r.test/c:1',
        '--cache-from',
        'x',
      ],
      ...['--shm-size=64m', '--secret', 'id=npm,src=.npmrc', '--secret=id=tok,env=TOK', '--ssh', 'default'],
    )
    expect(ignored).toEqual([])
    expect(build).toEqual({
      args: { A: '1', B: 'x=y', TOKEN: '$' + '{localEnv:TOKEN}' },
      target: 'dev',
      platform: 'linux/arm64',
      labels: { team: 'blue' },
      noCache: true,
      network: 'none',
      extraHosts: ['a.test:192.0.2.1', 'v6.test:2001:db8::1'],
      cacheFrom: ['r.test/c:1', 'x'],
      shmSize: 64 * 2 ** 20,
      secrets: [
        { id: 'npm', file: '.npmrc' },
        { id: 'tok', env: 'TOK' },
      ],
      ssh: ['default'],
    })
  })

  it.each([
    [['--output', '/x'], '--output'],
    [['-t', 'name'], '-t'],
    [['--quiet'], '--quiet'],
    [['--traget=dev'], 'did you mean --target'],
    [['--unheard', 'of'], '--unheard'],
    [['word'], 'no option'],
    [['--target'], 'no value'],
    [['--network=mine'], 'networks'],
    [['--shm-size=much'], 'amount of memory'],
    [['--add-host=nothing'], 'name:address'],
    [['--cache-from=type=local,src=/x'], 'registry'],
    [['--secret=src=x'], 'no id'],
    [['--build-arg=__proto__=1'], 'names no argument'],
    [['--build-context=shared'], 'leads out'],
    [['--build-context==.'], 'NAME=FOLDER'],
    [['--build-context=a=/etc'], 'leads out'],
    [['--build-context=a=docker-image://-x'], 'no name of an image'],
    [['--build-context=a=oci-layout://x'], 'folders are not read'],
    [['--build-context=a=https://a.test/x y'], 'no address'],
    [['--build-context=a=s3://x'], 'only folders'],
  ])('that are not are named: %j', (options, reason) => {
    const { build, ignored } = read(...options)
    expect(ignored).toHaveLength(1)
    expect(ignored[0]).toContain(reason)
    expect(build).toEqual({ args: { A: '1' } })
  })

  it.each(['/etc/passwd', '../outside', 'a/../../outside', 'C:\\key'])(
    'read no file outside of the repository: %s',
    (file) => {
      const { build, ignored } = read(`--secret=id=x,src=${file}`)
      expect(build.secrets).toEqual([{ id: 'x' }])
      expect(ignored[0]).toContain('only files of the repository')
    },
  )

  it('give further contexts names', () => {
    const { build, ignored } = read(
      ...['--build-context', 'shared=../lib/shared', '--build-context=shared=./lib/shared/'],
      ...[
        '--build-context=base=docker-image://debian:12',
        '--build-context',
        'git=https://a.test/b.git#main:x',
      ],
    )
    expect(ignored).toEqual(['--build-context: it leads out of the repository'])
    expect(build.contexts).toEqual([
      { name: 'shared', folder: 'lib/shared' },
      { name: 'base', image: 'debian:12' },
      { name: 'git', url: 'https://a.test/b.git#main:x' },
    ])
  })

  it('choose no key for SSH', () => {
    const { build, ignored } = read('--ssh=deploy=/home/me/.ssh/id')
    expect(build.ssh).toEqual(['deploy'])
    expect(ignored).toHaveLength(1)
  })
})
