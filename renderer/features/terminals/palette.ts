import type { ITheme } from '@xterm/xterm'

/**
 * The sixteen colours and the ground of a terminal, for each of the window's schemes. Every colour but the two ends of
 * grey has a contrast of at least 4.5 to 1 on its ground (WCAG 2.2, 1.4.3). Grounds are the page's own tokens, spelled
 * out because programs ask for them as numbers.
 */
const dark: ITheme = {
  background: '#0c1013',
  foreground: '#e2e7ec',
  cursor: '#58c4dd',
  cursorAccent: '#0c1013',
  selectionBackground: '#2a6273',
  selectionInactiveBackground: '#26333b',
  black: '#2a323a',
  red: '#ff7b72',
  green: '#45cf8e',
  yellow: '#e6b450',
  blue: '#79b0ff',
  magenta: '#d39bff',
  cyan: '#58c4dd',
  white: '#d5dce3',
  brightBlack: '#7d8894',
  brightRed: '#ffa198',
  brightGreen: '#74e3ad',
  brightYellow: '#f5cf7e',
  brightBlue: '#a5cbff',
  brightMagenta: '#e3bfff',
  brightCyan: '#8adcef',
  brightWhite: '#ffffff',
  scrollbarSliderBackground: '#dcebff2e',
  scrollbarSliderHoverBackground: '#dcebff4d',
  scrollbarSliderActiveBackground: '#dcebff66',
  overviewRulerBorder: '#00000000',
}

const light: ITheme = {
  background: '#ffffff',
  foreground: '#151b22',
  cursor: '#0b6b86',
  cursorAccent: '#ffffff',
  selectionBackground: '#bfe3ee',
  selectionInactiveBackground: '#e3e8ed',
  black: '#151b22',
  red: '#bd2c2c',
  green: '#17804a',
  yellow: '#8f5b00',
  blue: '#1f5fbf',
  magenta: '#8b3fb0',
  cyan: '#0b6b86',
  white: '#65717d',
  brightBlack: '#4d5965',
  brightRed: '#c93a2b',
  brightGreen: '#14794a',
  brightYellow: '#966000',
  brightBlue: '#2a6cd4',
  brightMagenta: '#9a4cc0',
  brightCyan: '#0d7793',
  brightWhite: '#2c3540',
  scrollbarSliderBackground: '#141e2838',
  scrollbarSliderHoverBackground: '#141e2855',
  scrollbarSliderActiveBackground: '#141e2870',
  overviewRulerBorder: '#00000000',
}

export function paletteFor(scheme: 'light' | 'dark'): ITheme {
  return scheme === 'dark' ? dark : light
}

/** Colours of found text; the ruler marks where it is in the scrollback. */
export function searchColors(scheme: 'light' | 'dark') {
  return scheme === 'dark'
    ? {
        matchBackground: '#4d3d10',
        matchOverviewRuler: '#e6b450',
        activeMatchBackground: '#8a6a14',
        activeMatchColorOverviewRuler: '#ffffff',
      }
    : {
        matchBackground: '#fbe7b2',
        matchOverviewRuler: '#d98e04',
        activeMatchBackground: '#f6c244',
        activeMatchColorOverviewRuler: '#151b22',
      }
}
