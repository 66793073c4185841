import { problem } from '#contract'

/**
 * Does what writes into a folder of Berth's own on this machine. Rejects with `disk-full` or `permission-denied`,
 * naming the environment variable that moves the folder, when the folder is at fault.
 */
export async function writingTo<T>(folder: string, variable: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw problem(
        {
          code: 'disk-full',
          title: 'The disk is full',
          cause: `There is no room left in ${folder}.`,
          remedy: `Make room, or set ${variable} to a folder on another disk.`,
          detail: message,
        },
        error,
      )
    }
    if (code !== undefined && ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT'].includes(code)) {
      throw problem(
        {
          code: 'permission-denied',
          title: `Berth cannot write to ${folder}`,
          cause: message,
          remedy: `Make it a folder that you may write to, or set ${variable} to another one.`,
        },
        error,
      )
    }
    throw error
  }
}
