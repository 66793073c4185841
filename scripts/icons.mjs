// Draws the icons that packages and the tray need out of resources/*.svg, with Chromium: `node scripts/icons.mjs`.
// Its results are committed; run it after changing a drawing.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const resources = join(dirname(dirname(fileURLToPath(import.meta.url))), 'resources')
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
})

/** @param {string} drawing @param {number} size @param {(svg: string) => string} [change] */
async function draw(drawing, size, change = (svg) => svg) {
  const page = await browser.newPage({ viewport: { width: size, height: size } })
  const svg = change(readFileSync(join(resources, drawing), 'utf8')).replace(
    '<svg ',
    `<svg width="${size}" height="${size}" style="display:block" `,
  )
  await page.setContent(`<!doctype html><style>body{margin:0;background:transparent}</style>${svg}`)
  const image = await page.screenshot({ omitBackground: true })
  await page.close()
  return image
}

/**
 * A Windows icon: a list of PNG images, as ICO files may hold them since Vista.
 * @param {{ size: number, image: Buffer }[]} images
 */
function ico(images) {
  const header = Buffer.alloc(6 + 16 * images.length)
  header.writeUInt16LE(1, 2)
  header.writeUInt16LE(images.length, 4)
  let offset = header.length
  for (const [index, { size, image }] of images.entries()) {
    const at = 6 + 16 * index
    header.writeUInt8(size === 256 ? 0 : size, at)
    header.writeUInt8(size === 256 ? 0 : size, at + 1)
    header.writeUInt16LE(1, at + 4)
    header.writeUInt16LE(32, at + 6)
    header.writeUInt32LE(image.length, at + 8)
    header.writeUInt32LE(offset, at + 12)
    offset += image.length
  }
  return Buffer.concat([header, ...images.map(({ image }) => image)])
}

/** A macOS icon: PNG images by type. @param {{ type: string, image: Buffer }[]} images */
function icns(images) {
  const parts = images.map(({ type, image }) => {
    const header = Buffer.alloc(8)
    header.write(type, 0, 'latin1')
    header.writeUInt32BE(image.length + 8, 4)
    return Buffer.concat([header, image])
  })
  const header = Buffer.alloc(8)
  header.write('icns', 0, 'latin1')
  header.writeUInt32BE(8 + parts.reduce((sum, part) => sum + part.length, 0), 4)
  return Buffer.concat([header, ...parts])
}

try {
  mkdirSync(join(resources, 'icons'), { recursive: true })
  /** @type {Map<number, Buffer>} */
  const drawn = new Map()
  for (const size of [16, 24, 32, 48, 64, 128, 256, 512, 1024]) {
    const image = await draw('icon.svg', size)
    drawn.set(size, image)
    if (size <= 512) writeFileSync(join(resources, 'icons', `${size}x${size}.png`), image)
  }
  const of = (/** @type {number} */ size) => drawn.get(size) ?? Buffer.alloc(0)
  writeFileSync(join(resources, 'icon.png'), of(512))
  writeFileSync(
    join(resources, 'icon.ico'),
    ico([16, 24, 32, 48, 64, 128, 256].map((size) => ({ size, image: of(size) }))),
  )
  writeFileSync(
    join(resources, 'icon.icns'),
    icns([
      { type: 'ic07', image: of(128) },
      { type: 'ic08', image: of(256) },
      { type: 'ic09', image: of(512) },
      { type: 'ic10', image: of(1024) },
    ]),
  )
  // macOS colours a template image itself; elsewhere panels are dark more often than not.
  writeFileSync(join(resources, 'trayTemplate.png'), await draw('tray.svg', 16))
  writeFileSync(join(resources, 'trayTemplate@2x.png'), await draw('tray.svg', 32))
  writeFileSync(join(resources, 'tray.png'), await draw('icon.svg', 24))
  writeFileSync(join(resources, 'tray@2x.png'), await draw('icon.svg', 48))
} finally {
  await browser.close()
}
