import { createTheme, type MantineColorsTuple, type MantineThemeOverride } from '@mantine/core'

/** Berth's own hue, light to dark: the water of a harbour. */
const berth: MantineColorsTuple = [
  '#e3f1f5',
  '#cbe6ee',
  '#a2d3e1',
  '#75bed3',
  '#4eabc6',
  '#2b96b5',
  '#157d99',
  '#0b6b86',
  '#095a71',
  '#06485b',
]

/** The component library in Berth's measures. Its colours are mapped to tokens in mantine-tokens.css. */
export const theme: MantineThemeOverride = createTheme({
  primaryColor: 'berth',
  primaryShade: { light: 7, dark: 6 },
  colors: { berth },
  fontFamily: 'var(--berth-font)',
  fontFamilyMonospace: 'var(--berth-mono)',
  fontSizes: { xs: '12px', sm: '13px', md: '13px', lg: '15px', xl: '20px' },
  headings: { fontFamily: 'var(--berth-font)', fontWeight: '600' },
  defaultRadius: '6px',
  cursorType: 'default',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'xs' } },
    TextInput: { defaultProps: { size: 'xs' } },
    Autocomplete: { defaultProps: { size: 'xs' } },
    Textarea: { defaultProps: { size: 'xs' } },
    NumberInput: { defaultProps: { size: 'xs' } },
    NativeSelect: { defaultProps: { size: 'xs' } },
    Select: { defaultProps: { size: 'xs', checkIconPosition: 'right', allowDeselect: false } },
    SegmentedControl: { defaultProps: { size: 'xs' } },
    Switch: { defaultProps: { size: 'sm', withThumbIndicator: false } },
    Menu: {
      defaultProps: { position: 'bottom-end', shadow: 'none', offset: 4, transitionProps: { duration: 90 } },
    },
    Tooltip: { defaultProps: { transitionProps: { duration: 80 } } },
    Modal: { defaultProps: { overlayProps: { backgroundOpacity: 0.4 }, shadow: 'none' } },
  },
})
