import { cancelled, ProblemError, problem } from '#contract'
import { SftpFailure } from '../sftp/client'
import { status } from '../sftp/protocol'
import { ConnectionLost, SshProtocolError } from '../ssh/connection'

/** A path as a person may read it: bytes that are no text, and what moves a cursor, are shown as unknown. */
export function shownPath(path: string): string {
  return path.replace(/\p{Surrogate}|\p{Cc}/gu, '\ufffd')
}

/** What servers of Linux say beside a mere "failure" (errno(3), as Go words it). */
const failures = [
  {
    said: /no space left|disk quota exceeded/i,
    code: 'disk-full',
    cause: 'The disk of the workspace is full.',
    remedy: 'Delete what is not needed there, then try again.',
  },
  {
    said: /file exists/i,
    code: 'name-taken',
    cause: 'Something of this name is there already.',
    remedy: 'Choose another name.',
  },
  {
    said: /directory not empty/i,
    code: 'invalid-input',
    cause: 'The folder is not empty.',
    remedy: 'Take out what it holds first.',
  },
  {
    said: /not a directory/i,
    code: 'invalid-input',
    cause: 'It is not a folder.',
    remedy: 'Check the path.',
  },
  {
    said: /is a directory/i,
    code: 'invalid-input',
    cause: 'It is a folder.',
    remedy: 'Check the path.',
  },
  {
    said: /read-only file system/i,
    code: 'permission-denied',
    cause: 'That part of the workspace is read-only.',
    remedy: 'Choose a folder below the workspace folder or the home folder.',
  },
  {
    said: /file name too long/i,
    code: 'invalid-input',
    cause: 'The name is too long.',
    remedy: 'Choose a shorter name.',
  },
] as const

/** Why something with a file of a workspace failed. `title` says what, such as `“a.txt” could not be read`. */
export function fileProblem(error: unknown, title: string, signal?: AbortSignal): ProblemError {
  if (signal?.aborted) return cancelled()
  if (error instanceof ProblemError) return error
  if (error instanceof SftpFailure) return failureProblem(error, title)
  const isLost = error instanceof ConnectionLost || error instanceof SshProtocolError
  return problem(
    {
      code: isLost ? 'connection-lost' : 'internal',
      title,
      cause: isLost
        ? `The connection to the workspace was lost: ${(error as Error).message}.`
        : error instanceof Error
          ? error.message
          : String(error),
      remedy: isLost
        ? 'Berth makes the connection again by itself. Try again.'
        : 'This is a defect in Berth. Please report it with the detail below.',
      ...(error instanceof Error && error.stack && !isLost && { detail: error.stack }),
    },
    error,
  )
}

function failureProblem(failure: SftpFailure, title: string): ProblemError {
  const detail = shownPath(failure.message)
  if (failure.status === status.noSuchFile) {
    return problem({
      code: 'file-not-found',
      title,
      cause: 'There is no such file or folder in the workspace any more.',
      remedy: 'Check the path, or look at its folder again.',
      detail,
    })
  }
  if (failure.status === status.permissionDenied) {
    return problem({
      code: 'permission-denied',
      title,
      cause: 'The user of the workspace may not do that there.',
      remedy: 'Change the permissions in a terminal of the workspace, or choose another folder.',
      detail,
    })
  }
  const known = failures.find(({ said }) => said.test(failure.message))
  if (known) return problem({ code: known.code, title, cause: known.cause, remedy: known.remedy, detail })
  return problem({
    code: 'file-failed',
    title,
    cause: 'The workspace reports a failure.',
    remedy: 'Look at the detail, and try again.',
    detail,
  })
}
