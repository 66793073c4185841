import { problem } from '#contract'
import { isImageName } from '../../definitions/index'

/** Seven to forty hexadecimal digits. */
export function isCommit(text: string): boolean {
  return /^[0-9a-f]{7,40}$/.test(text)
}

/** Returns a branch's or tag's name that git itself would take (git-check-ref-format); throws `invalid-input`. */
export function checkBranch(name: string): string {
  const bad =
    name === '' ||
    name.length > 255 ||
    name.startsWith('-') ||
    name === '@' ||
    // biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses them
    /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$|(?:^|\/)\.|\.lock(?:\/|$)/.test(name)
  if (bad) {
    throw problem({
      code: 'invalid-input',
      title: `“${name.slice(0, 100)}” is not a branch`,
      cause: 'Git does not allow such a name.',
      remedy: 'Check how the branch is spelt.',
    })
  }
  return name
}

/** Returns an image's reference if it can be one: `[host[:port]/]path[:tag][@digest]`; throws `invalid-input`. */
export function checkImage(image: string): string {
  if (!isImageName(image)) {
    throw problem({
      code: 'invalid-input',
      title: `“${image.slice(0, 100)}” cannot be opened`,
      cause: 'It is neither the URL of a git repository, nor a folder that exists, nor the name of an image.',
      remedy:
        'Write, for example, https://github.com/owner/repository, git@host:owner/repository, ./folder or debian:bookworm.',
    })
  }
  return image
}
