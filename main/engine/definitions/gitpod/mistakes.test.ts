import { describe, expect, test } from 'vitest'
import { ProblemError } from '#contract'
import { processorTime } from '../../platform/processor-time.test-helper'
import { readDefinition } from '../index'
import { memoryReader, testContext } from '../memory-reader.test-helper'
import { file, read, refused } from './read.test-helper'

describe('what .gitpod.yml must not say', () => {
  test('is told with its place, what it is and what is meant', async () => {
    const problem = await refused('image: debian\nports:\n  - port: 3000\n    onOpen: open-brwser\n')
    expect(problem).toMatchObject({
      code: 'definition-invalid',
      title: `${file} has a mistake in line 4`,
      remedy: 'Did you mean "open-browser"?',
    })
    expect(problem.cause).toMatch(
      /^Line 4, column 13: "ports\[0\]\.onOpen" must be one of .*not "open-brwser"\.$/,
    )
    expect(problem.detail).toBe(`${file}:4:13\n    onOpen: open-brwser\n            ^`)
  })

  test.each([
    ['image: 5', '"image" must be the name of an image'],
    ['image: ""', '"image" must be the name of an image, not "".'],
    ['image: ../x', '"image" must be the name of an image'],
    ['image: [a]', 'not a list'],
    ['image: {context: .}', '"image" must be an object with "file"'],
    ['image: {file: Nope}', 'there is no Nope'],
    ['image: {file: ../x}', 'a path inside the repository'],
    ['image: {file: /etc/passwd}', 'a path inside the repository'],
    ['image: {file: 5}', '"image.file" must be a string'],
    ['image: {file: Dockerfile, context: ..}', 'a path inside the repository'],
    ['tasks: {}', '"tasks" must be a list'],
    ['tasks: [npm start]', '"tasks[0]" must be an object'],
    ['tasks: [{init: 5}]', '"tasks[0].init" must be a string'],
    ['tasks: [{init: [a, b]}]', '"tasks[0].init" must be a string'],
    ['tasks: [{command: "a\\0b"}]', 'NUL'],
    ['tasks: [{command: x, env: [a]}]', '"tasks[0].env" must be an object'],
    ['tasks: [{command: x, env: {"A=B": c}}]', 'under a name without "="'],
    ['tasks: [{command: x, openMode: split}]', '"tasks[0].openMode" must be one of'],
    ['tasks: [{command: x, openIn: middle}]', '"tasks[0].openIn" must be one of'],
    ['ports: 3000', '"ports" must be a list'],
    ['ports: [3000]', '"ports[0]" must be an object'],
    ['ports: [{name: x}]', '"ports[0]" must be an object with "port"'],
    ['ports: [{port: 0}]', 'from 1 to 65535'],
    ['ports: [{port: 65536}]', 'from 1 to 65535'],
    ['ports: [{port: 80.5}]', 'a port number from 1 to 65535'],
    ['ports: [{port: -80}]', 'a port number from 1 to 65535'],
    ['ports: [{port: web}]', 'a port number from 1 to 65535'],
    ['ports: [{port: true}]', '"ports[0].port" must be a string'],
    ['ports: [{port: 3000-70000}]', 'a range of such'],
    ['ports: [{port: 3010-3000}]', 'begins with its smaller port'],
    ['ports: [{port: 3000-}]', 'a range such as'],
    ['ports: [{port: 1-2-3}]', 'a range such as'],
    ['ports: [{port: 80, visibility: all}]', 'must be one of private, public'],
    ['ports: [{port: 80, protocol: tcp}]', 'must be one of http, https'],
    ['ports: [{port: 80, name: [a]}]', '"ports[0].name" must be a string'],
    ['env: [a]', '"env" must be an object'],
    ['env: {"": a}', 'under a name without'],
    ['checkoutLocation: ..', 'a path below /workspaces'],
    ['checkoutLocation: /../etc', 'a path below /workspaces'],
    ['checkoutLocation: a/../../etc', 'a path below /workspaces'],
    ['checkoutLocation: "a\\nb"', 'a path below /workspaces'],
    ['checkoutLocation: 5', '"checkoutLocation" must be a string'],
    ['workspaceLocation: /workspace/../x', 'a path below /workspaces'],
    ['additionalRepositories: {}', 'must be a list'],
    ['additionalRepositories: [{}]', 'an object with "url"'],
    ['additionalRepositories: [{url: 5}]', 'must be a string'],
    ['additionalRepositories: [{url: /etc}]', 'the address of a git repository'],
    ['additionalRepositories: [{url: "file:///etc"}]', 'the address of a git repository'],
    ['additionalRepositories: [{url: "ext::sh -c id"}]', 'the address of a git repository'],
    ['additionalRepositories: [{url: "ext::id"}]', 'the address of a git repository'],
    ['additionalRepositories: [{url: --upload-pack=x}]', 'the address of a git repository'],
    ['additionalRepositories: [{url: "https://"}]', 'the address of a git repository'],
    ['additionalRepositories: [{url: "https://example.com/"}]', 'the address of a git repository'],
    ['additionalRepositories: [{url: "https://example.com/a#-b"}]', 'the address of a git repository'],
    ['additionalRepositories: [{url: "ssh://-oProxyCommand=x/a"}]', 'the address of a git repository'],
    ['additionalRepositories: [{url: "https://example.com/a", checkoutLocation: .}]', 'a folder below'],
    ['additionalRepositories: [{url: "https://example.com/a", checkoutLocation: ../a}]', 'a path below'],
    [
      'additionalRepositories: [{url: "https://example.com/a", checkoutLocation: app/.git/hooks}]',
      'a path below',
    ],
    ['additionalRepositories: [{url: "https://a.b/c"}, {url: "https://b.b/c"}]', '/workspaces/c is taken'],
    ['vscode: [a]', '"vscode" must be an object'],
    ['vscode: {extensions: a.b}', 'must be a list'],
    ['vscode: {extensions: [5]}', 'must be a string'],
    ['jetbrains: {plugins: {}}', 'must be a list'],
    ['jetbrains: {goland: x}', 'must be an object'],
    ['- a', 'The file must hold one object'],
    ['', 'The file is empty.'],
    ['# nothing', 'The file is empty.'],
    ['a: [', 'Line 1'],
  ])('refuses %s', async (text, cause) => {
    const problem = await refused(text, { Dockerfile: '' })
    expect(problem.code).toBe('definition-invalid')
    expect(problem.cause).toContain(cause)
    expect(problem.cause).toMatch(/^Line \d+, column \d+: /)
    expect(problem.remedy).not.toBe('')
  })

  test('is answered with a definition or a Problem however the file is mutilated, and quickly', async () => {
    const whole = `image: {file: Dockerfile, context: .}
checkoutLocation: src/app # c
workspaceLocation: "."
env: &e {A: 1, __proto__: y}
tasks:
  - {name: x, before: 'a', init: |-
      b, command: c, env: *e, openIn: left, openMode: tab-after}
  - command: >
      gp url &&
      d
ports:
  - port: 3000-3010
    onOpen: notify
  - {port: 80, visibility: public, name: A}
additionalRepositories: [{url: 'https://u:p@example.com/a/b/tree/c#d', checkoutLocation: x/y}]
vscode: {extensions: [a.b@1:c==]}
jetbrains: {plugins: [p], goland: {plugins: [q]}}
gitConfig: {a.b: c}
`
    const pieces = [
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        '"',
        "'",
        ':',
        '\n',
        '- ',
        '  ',
        '|',
        '>',
        '&a ',
        '*a',
        '<<: ',
        '!!binary ',
        '? ',
      ],
      ...[
        'null',
        '9e999',
        '..',
        '/',
        '\0',
        '\t',
        '%',
        '@',
        '#',
        '__proto__',
        '\u2028',
        '\ud800',
        '~',
        '---\n',
      ],
    ]
    let seed = 11
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return Math.floor((seed / 2147483648) * below)
    }
    const answered = async (text: string) => {
      await read(text, { Dockerfile: '' }).catch((error: unknown) => {
        if (!(error instanceof ProblemError)) throw new Error(`${JSON.stringify(text)}\n${String(error)}`)
      })
    }
    const began = processorTime()
    for (let round = 0; round < 2000; round++) {
      let text = whole
      for (let count = random(4); count >= 0; count--) {
        const from = random(text.length)
        text = text.slice(0, from) + pieces[random(pieces.length)] + text.slice(from + random(12))
      }
      await answered(text)
    }
    for (let round = 0; round < 300; round++) {
      const bytes = Uint8Array.from({ length: random(300) }, () => random(round % 2 ? 256 : 128))
      const reader = { ...memoryReader({ [file]: '' }), read: async () => bytes }
      await readDefinition(reader, testContext).catch((error: unknown) => {
        if (!(error instanceof ProblemError)) throw new Error(`${[...bytes]}\n${String(error)}`)
      })
    }
    expect(processorTime() - began).toBeLessThan(25_000)
  }, 180_000)

  test.each([
    ['blanks', (n: number) => `tasks: [{command: "${' '.repeat(n)}x"}]`],
    ['line breaks', (n: number) => `tasks: [{command: "${'\\n'.repeat(n / 2)}gp"}]`],
    ['slashes', (n: number) => `checkoutLocation: "${'/a'.repeat(n / 2)}/../.."`],
    ['backslashes', (n: number) => `tasks: [{command: '${'\\'.repeat(n)}'}]`],
    ['an image', (n: number) => `image: "${'a-'.repeat(n / 2)}"`],
    ['an extension', (n: number) => `vscode: {extensions: ["${'a.'.repeat(n / 2)}!"]}`],
    ['an address', (n: number) => `additionalRepositories: [{url: "https://a/${'b/'.repeat(n / 2)}"}]`],
    ['digits', (n: number) => `ports: [{port: "${'1'.repeat(n)}"}]`],
    ['a name', (n: number) => `tasks: [{name: "${'a '.repeat(n / 2)}", command: x}]`],
    [
      'tasks of one name',
      (n: number) => `tasks:\n${'- {name: a, init: b}\n'.repeat(Math.min(2000, n / 30))}`,
    ],
  ])('is read in no time where there are very many %s', async (_, make) => {
    const began = processorTime()
    await read(make(200_000)).catch((error: unknown) => {
      if (!(error instanceof ProblemError)) throw error
    })
    expect(processorTime() - began).toBeLessThan(5000)
  })
})
