const form =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,})?$/

/** Whether a text can be the reference of an image: `[host[:port]/]path[:tag][@digest]`. */
export function isImageName(text: string): boolean {
  return text.length <= 500 && form.test(text)
}
