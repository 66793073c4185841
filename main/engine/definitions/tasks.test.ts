import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { inOrderOfTerminals, objectsOfTask, taskLine } from './tasks'

const run = promisify(execFile)

async function said(
  task: Parameters<typeof taskLine>[0],
  first = true,
  shell = '/bin/bash',
): Promise<string> {
  const line = taskLine(task, { first }) ?? ''
  const { stdout } = await run(shell, ['-c', line]).catch(
    (error: { stdout: string; stderr: string }) => error,
  )
  return stdout
}

describe('the line of a task', () => {
  test('holds each part in a group of its own', () => {
    const task = { before: 'a', init: 'b\nc', command: 'd' }
    expect(taskLine(task, { first: true })).toBe('{\na\n} && {\nb\nc\n} && {\nd\n}')
    expect(taskLine(task, { first: false })).toBe('{\na\n} && {\nd\n}')
  })

  test('leaves out what runs nothing', () => {
    expect(taskLine({ before: ' \n', init: '# later\n\n  # more', command: 'd' }, { first: true })).toBe(
      '{\nd\n}',
    )
    expect(taskLine({ init: 'b' }, { first: false })).toBeUndefined()
    expect(taskLine({}, { first: true })).toBeUndefined()
  })

  test.each(['/bin/bash', '/bin/sh'])('runs in order in one shell (%s)', async (shell) => {
    const task = { before: 'export A=1; cd /', init: 'echo init $A', command: 'echo command $A $PWD' }
    expect(await said(task, true, shell)).toBe('init 1\ncommand 1 /\n')
    expect(await said(task, false, shell)).toBe('command 1 /\n')
  })

  test('ends with the part that fails', async () => {
    expect(await said({ before: 'echo before; false', init: 'echo init', command: 'echo command' })).toBe(
      'before\n',
    )
    expect(await said({ before: 'true', init: 'echo init; false', command: 'echo command' })).toBe('init\n')
    expect(await said({ before: 'true', init: 'echo init; false', command: 'echo command' }, false)).toBe(
      'command\n',
    )
  })

  test.each([
    ['a heredoc', 'cat <<EOF\nhere\nEOF', 'here\n'],
    ['a heredoc with a line break after it', "cat <<'EOF'\n$here }\nEOF\n", '$here }\n'],
    ['a comment', 'echo here # && exit 1', 'here\n'],
    ['a comment alone in its last line', 'echo here\n# done', 'here\n'],
    ['a line that goes on', 'echo \\\nhere', 'here\n'],
    ['a line that goes on to nowhere', 'echo here \\', 'here\n'],
    ['the same with a line break after it', 'echo here \\\n', 'here\n'],
    ['a backslash that is one', 'echo here\\\\', 'here\\\n'],
    ['a semicolon', 'echo here;', 'here\n'],
    ['a process in the background', 'echo here & wait;', 'here\n'],
    ['an alternative', 'false || echo here', 'here\n'],
    ['quotes over lines', "printf '%s\n' 'he\nre }'", 'he\nre }\n'],
    ['tabs, blanks and empty lines', '\n\n\t echo here  \n\n', 'here\n'],
  ])('is not broken by %s in a part', async (_, part, output) => {
    expect(await said({ before: part, command: 'echo after' })).toBe(`${output}after\n`)
    expect(await said({ before: 'echo ahead', init: part })).toBe(`ahead\n${output}`)
  })

  test('a failing alternative in a part does not reach over to another', async () => {
    expect(await said({ before: 'false', command: 'false || echo command' })).toBe('')
    expect(await said({ before: 'true || false', command: 'echo command' })).toBe('command\n')
  })
})

describe('the terminals of tasks', () => {
  const names = (...modes: (Parameters<typeof inOrderOfTerminals>[0][number]['openMode'] | undefined)[]) =>
    inOrderOfTerminals(
      modes.map((openMode, index) => ({
        name: String(index),
        automatic: true,
        env: {},
        ...(openMode && { openMode }),
      })),
    )
      .map(({ name }) => name)
      .join('')
  test('stand in the order of the definition, or before the one before them', () => {
    expect(names(undefined, 'tab-after', 'split-right')).toBe('012')
    expect(names('tab-before', 'tab-before', 'tab-after')).toBe('120')
    expect(names(undefined, undefined, 'split-left', undefined)).toBe('0231')
    expect(names(undefined, 'split-bottom', 'split-top')).toBe('021')
  })
})

test('objects of a task are told by kind and name, in the order of the definition', () => {
  const object = (name: string, digest: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    name,
    digest,
    manifest: {},
  })
  const clusterObjects = [object('a', '1'), object('b', '2'), object('c', '3')]
  expect(objectsOfTask({ objects: ['3', '1', '9'] }, { clusterObjects })).toEqual(['Secret a', 'Secret c'])
  expect(objectsOfTask({}, { clusterObjects })).toEqual([])
  expect(objectsOfTask({ objects: ['1'] }, {})).toEqual([])
})
