import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { container, read, reasonOf, refused } from './reading.test-helper'

/** Runs a task's shell text as a terminal would, and gives what it prints with how it ends. */
function run(command: string | undefined, env: Record<string, string> = {}, shell = 'sh') {
  const { stdout, stderr, status } = spawnSync(shell, ['-c', command ?? ''], {
    cwd: '/tmp',
    env: { PATH: process.env.PATH ?? '', ...env },
    encoding: 'utf8',
    // A bash that is given a socket takes itself for a login and reads files of whoever runs the test.
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  })
  return { stdout, stderr, status }
}

const exec = (id: string, line: string, more = '') =>
  `  - {id: ${id}, exec: {component: dev, commandLine: ${JSON.stringify(line)}${more}}}\n`

async function tasksOf(commands: string, before = container) {
  const definition = await read(`${before}commands:\n${commands}`)
  return { definition, tasks: new Map(definition.tasks.map((task) => [task.name, task])) }
}

describe('exec commands', () => {
  test('are tasks that somebody starts', async () => {
    const { definition } = await tasksOf(`
  - id: build
    attributes: {any: thing}
    exec:
      component: dev
      commandLine: make all
      label: Build it
      workingDir: \${PROJECT_SOURCE}/src
      hotReloadCapable: true
      env: [{name: OUT, value: "$PROJECTS_ROOT/out"}, {name: LOG, value: "$OUT/log"}]
      group: {kind: build, isDefault: true}
  - {id: here, exec: {component: dev, commandLine: pwd, workingDir: $PROJECT_SOURCE, group: {kind: run}}}
  - {id: below, exec: {component: dev, commandLine: pwd, workingDir: src/main}}
  - {id: away, exec: {component: dev, commandLine: pwd, workingDir: /tmp/}}
`)
    expect(definition.tasks).toEqual([
      {
        name: 'build',
        label: 'Build it',
        automatic: false,
        command: 'make all',
        workingFolder: '/projects/app/src',
        env: { OUT: '/projects/out', LOG: '/projects/out/log' },
        group: 'build',
        isDefault: true,
      },
      { name: 'here', automatic: false, command: 'pwd', env: {}, group: 'run' },
      { name: 'below', automatic: false, command: 'pwd', workingFolder: '/projects/app/src/main', env: {} },
      { name: 'away', automatic: false, command: 'pwd', workingFolder: '/tmp', env: {} },
    ])
    expect(definition.notApplied).toEqual([])
  })

  test('leave to the shell what only it knows', async () => {
    const { tasks } = await tasksOf(
      exec(
        'go',
        'echo "$PWD $GREETING"; echo after # done',
        ', workingDir: $PLACE/x, env: [{name: GREETING, value: "a `b` \\"$NAME\\" $5 ${NAME}"}]',
      ),
    )
    const task = tasks.get('go')
    expect(task?.env).toEqual({})
    expect(task?.workingFolder).toBeUndefined()
    const place = run('mktemp -d').stdout.trim()
    run(`mkdir ${place}/x`)
    expect(run(task?.command, { PLACE: place, NAME: 'you' })).toEqual({
      stdout: `${place}/x a \`b\` "you" $5 you\nafter\n`,
      stderr: '',
      status: 0,
    })
    const lost = run(task?.command, { PLACE: '/nowhere' })
    expect(lost.stdout).toBe('')
    expect(lost.status).not.toBe(0)
    run(`rm -r ${place}`)
  })
})

describe('commands of other kinds', () => {
  test('are listed, each with what it would do', async () => {
    const before = `${container}  - {name: image, image: {imageName: x, dockerfile: {uri: D}}}\n  - {name: k8s, kubernetes: {uri: x.yaml}}\n`
    const { definition } = await tasksOf(
      `
  - {id: build, apply: {component: image, label: x, group: {kind: deploy, isDefault: true}}}
  - {id: put, apply: {component: k8s}}
  - {id: again, apply: {component: dev}}
  - {id: all, composite: {commands: [put]}}
  - {id: none, composite: {}}
  - {id: editor, vscodeTask: {inlined: x}}
`,
      before,
    )
    expect(definition.tasks).toEqual([])
    expect(reasonOf(definition, 'commands.build')).toMatch(/builds the image .* no container/)
    expect(reasonOf(definition, 'commands.put')).toMatch(/cluster/)
    expect(reasonOf(definition, 'commands.again')).toMatch(/started with the workspace/)
    expect(reasonOf(definition, 'commands.all')).toMatch(/^its command "put" cannot be run/)
    expect(reasonOf(definition, 'commands.none')).toMatch(/no commands/)
    expect(reasonOf(definition, 'commands.editor')).toMatch(/editor/)
  })
})

describe.each(['sh', 'bash'])('composite commands in %s', (shell) => {
  test('run one after the other, each in its own folder and with its own variables', async () => {
    const { tasks } = await tasksOf(
      exec(
        'one',
        'echo "one $PWD $A"; A=changed # comment',
        ", workingDir: /usr, env: [{name: A, value: it's}]",
      ) +
        exec('two', 'echo "two $PWD [$A]"') +
        '  - {id: all, composite: {commands: [ONE, two], label: All}}\n',
    )
    expect(tasks.get('all')?.label).toBe('All')
    const { stdout, status } = run(tasks.get('all')?.command, {}, shell)
    expect({ stdout, status }).toEqual({ stdout: "one /usr it's\ntwo /tmp []\n", status: 0 })
  })

  test('end with the first that fails', async () => {
    const { tasks } = await tasksOf(
      exec('one', 'echo one; exit 3') +
        exec('two', 'echo two') +
        '  - {id: all, composite: {commands: [one, two]}}\n  - {id: outer, composite: {commands: [all, two]}}\n',
    )
    for (const name of ['all', 'outer']) {
      const { stdout, status } = run(tasks.get(name)?.command, {}, shell)
      expect({ stdout, status }).toEqual({ stdout: 'one\n', status: 3 })
    }
  })

  test('run side by side, wait for all of them, and fail when one does', async () => {
    const { tasks } = await tasksOf(
      exec('waits', 'while [ ! -e "$MARK" ]; do sleep 0.05; done; echo waited') +
        exec('marks', 'touch "$MARK"; exit 4') +
        exec('fine', 'true') +
        '  - {id: both, composite: {commands: [waits, marks], parallel: true}}\n' +
        '  - {id: well, composite: {commands: [waits, fine], parallel: true}}\n' +
        '  - {id: then, composite: {commands: [both, fine]}}\n',
    )
    const folder = run('mktemp -d').stdout.trim()
    const env = { MARK: `${folder}/mark` }
    // It would never end if they ran one after the other.
    const both = run(tasks.get('both')?.command, env, shell)
    expect(both).toEqual({ stdout: 'waited\n', stderr: '', status: 4 })
    expect(run(tasks.get('well')?.command, env, shell)).toEqual({ stdout: 'waited\n', stderr: '', status: 0 })
    expect(run(tasks.get('then')?.command, env, shell).status).toBe(4)
    run(`rm -r ${folder}`)
  })

  test('stop what runs side by side when they are stopped', async () => {
    const { tasks } = await tasksOf(
      exec('long', 'exec sleep 30') +
        exec('other', 'exec sleep 30') +
        '  - {id: both, composite: {commands: [long, other], parallel: true}}\n',
    )
    const text = `${tasks.get('both')?.command} & sleep 0.5; kill -TERM $!; wait $!; echo "ended $?"`
    const started = Date.now()
    expect(run(text, {}, shell).stdout).toMatch(/^ended [1-9]/)
    expect(Date.now() - started).toBeLessThan(25_000)
  })
})

describe('what commands must not say', () => {
  test.each([
    [exec('a', 'x') + exec('a', 'y'), 6, 'two commands with the name "a"'],
    ['  - {id: a, composite: {commands: [a]}}\n', 5, '"a" leads back to itself'],
    [
      '  - {id: a, composite: {commands: [b]}}\n  - {id: b, composite: {commands: [c]}}\n  - {id: c, composite: {commands: [a]}}\n',
      7,
      '"a" leads back to itself by way of "c"',
    ],
    [`${exec('build', 'x')}  - {id: a, composite: {commands: [biuld]}}\n`, 6, 'no command "biuld"'],
    ['  - {id: a, exec: {component: def, commandLine: x}}\n', 5, 'no component "def"'],
    ['  - {id: a, exec: {component: dev}}\n', 5, 'has no "commandLine"'],
    ['  - {id: a, exec: {component: dev, commandline: x}}\n', 5, 'has no "commandLine"'],
    ['  - {id: a, exec: {component: dev, commandLine: ""}}\n', 5, 'must be a command'],
    ['  - {id: a}\n', 5, 'must have one of exec, apply, composite'],
    ['  - {id: a, exce: {component: dev, commandLine: x}}\n', 5, 'must have one of exec'],
    [
      '  - {id: a, exec: {component: dev, commandLine: x}, apply: {component: dev}}\n',
      5,
      'both "exec" and "apply"',
    ],
    ['  - {id: "12", exec: {component: dev, commandLine: x}}\n', 5, 'must be a name'],
    [`  - {id: ${'a'.repeat(64)}, exec: {component: dev, commandLine: x}}\n`, 5, 'at most 63'],
    ['  - {id: a, exec: {component: dev, commandLine: 5}}\n', 5, 'must be a string, not the number 5'],
    [
      exec('a', 'x', ', group: {kind: run, isDefault: true}') +
        exec('b', 'x', ', group: {kind: run, isDefault: true}'),
      6,
      '"a" and "b" are both the default of the group "run"',
    ],
    [exec('a', 'x', ', env: [{name: "A=B", value: x}]'), 5, 'name of a variable'],
  ])('%s', async (commands, line, cause) => {
    // Each of them stands after four lines of other things.
    const problem = await refused(`${container}commands:\n${commands}`)
    expect(problem.cause).toContain(cause)
    expect(problem.detail).toMatch(new RegExp(`^devfile\\.yaml:${line + 1}:\\d+\n`))
    expect(problem.remedy).not.toBe('')
  })

  test('suggests what was meant', async () => {
    const text = (commands: string) => refused(`${container}commands:\n${commands}`)
    expect((await text('  - {id: a, exec: {component: def, commandLine: x}}')).remedy).toBe(
      'Did you mean "dev"?',
    )
    expect((await text('  - {id: a, exec: {component: dev, commandline: x}}')).remedy).toBe(
      'Did you mean "commandLine" by "commandline"?',
    )
    expect((await text('  - {id: a, exce: {component: dev}}')).remedy).toBe('Did you mean "exec" by "exce"?')
  })

  test.each(['volume: {}', 'kubernetes: {uri: x}'])(
    'exec needs a container, which is not one with %s',
    async (kind) => {
      const text = `${container}  - {name: b, ${kind}}\ncommands: [{id: a, exec: {component: b, commandLine: x}}]`
      expect((await refused(text)).cause).toContain('"b" is no container')
    },
  )

  test('apply takes no volume', async () => {
    const text = `${container}  - {name: b, volume: {}}\ncommands: [{id: a, apply: {component: b}}]`
    expect((await refused(text)).cause).toContain('"b" is a volume')
  })
})

describe('events', () => {
  const commands = `
commands:
  - {id: first, exec: {component: dev, commandLine: echo first}}
  - {id: second, exec: {component: dev, commandLine: echo second, workingDir: /usr}}
  - {id: both, composite: {commands: [first, second]}}
  - {id: put, apply: {component: dev}}
`
  const withEvents = (events: string) => `${container}${commands}events: ${events}\n`

  test('postStart is what runs after each start, in its order', async () => {
    const { lifecycle } = await read(withEvents('{postStart: [Second, first]}'))
    expect(run(lifecycle.postStartCommand as string).stdout).toBe('second\nfirst\n')
    const one = await read(withEvents('{postStart: [first]}'))
    expect(one.lifecycle).toEqual({ postStartCommand: 'echo first' })
    const composite = await read(withEvents('{postStart: [both]}'))
    expect(run(composite.lifecycle.postStartCommand as string).stdout).toBe('first\nsecond\n')
  })

  test('preStop is what runs before a stop; what preStart applies is there already, and postStop is listed', async () => {
    const definition = await read(
      withEvents('{preStart: [put], preStop: [first], postStop: [put], postStart: []}'),
    )
    expect(definition.lifecycle).toEqual({})
    expect(definition.preStopCommand).toBe('echo first')
    expect(definition.notApplied.map(({ field }) => field)).toEqual(['commands.put', 'events.postStop.put'])
  })

  test.each([
    ['{postStart: [frist]}', 'There is no command "frist".', 'Did you mean "first"?'],
    ['{postStart: [put]}', '"postStart" takes commands of the kind "exec" alone', ''],
    ['{preStart: [both]}', '"preStart" takes commands of the kind "apply" alone', ''],
    ['{preStep: [first]}', '"events.preStep" is no field', 'Did you mean "preStop"?'],
    ['{postStart: first}', 'must be a list', ''],
    ['{postStart: }', 'must be a list, not null', ''],
  ])('refuses %s', async (events, cause, remedy) => {
    const problem = await refused(withEvents(events))
    expect(problem.cause).toMatch(/^Line 11, column \d+: /)
    expect(problem.cause).toContain(cause)
    expect(problem.remedy).toContain(remedy)
  })
})
