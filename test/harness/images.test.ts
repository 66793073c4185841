import { describe, expect, it } from 'vitest'
import { command, tryCommand } from './command'
import { TEST_IMAGES, type TestImage } from './images'

const run = (image: TestImage, ...args: string[]) =>
  command('docker', ['run', '--rm', '--network=none', TEST_IMAGES[image], ...args])

describe('the image matrix', () => {
  it('has a Debian with the usual tools and an unprivileged user', async () => {
    const output = await run(
      'debian',
      'bash',
      '-lc',
      'git --version; python3 --version; id dev; stat -c %u ~dev',
    )
    expect(output).toMatch(/git version.*\nPython 3.*\nuid=1000\(dev\).*\n1000\n/s)
  })

  it('has one with busybox alone', async () => {
    expect(
      await run('alpine', 'sh', '-c', 'id -u dev; for p in bash git perl python3; do which $p; done; true'),
    ).toBe('1000\n')
  })

  it('has one without a shell', async () => {
    expect(await run('scratch', 'echo', 'here')).toBe('here\n')
    const { code } = await tryCommand('docker', [
      'run',
      '--rm',
      '--entrypoint',
      '/bin/sh',
      TEST_IMAGES.scratch,
    ])
    expect(code).toBe(127)
  })
})
