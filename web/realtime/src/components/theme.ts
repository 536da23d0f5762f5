import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

/** Deep teal: what one may do, and oneself. */
const teal: MantineColorsTuple = [
  '#eaf6f4',
  '#d3ebe7',
  '#a5d7cf',
  '#74c2b6',
  '#4fb0a2',
  '#38a495',
  '#1f8a7c',
  '#0f6f64',
  '#0b5850',
  '#06423c',
];
/** Saffron: rank, and what is urgent. */
const saffron: MantineColorsTuple = [
  '#fff6e3',
  '#ffeacc',
  '#ffd49b',
  '#ffbc64',
  '#fea838',
  '#fe9b1d',
  '#e88a0c',
  '#b86a00',
  '#955500',
  '#6f3f00',
];
const SERIF = "'Source Serif 4 Variable', Georgia, 'Times New Roman', serif";
const SANS = "'Plus Jakarta Sans Variable', system-ui, -apple-system, 'Segoe UI', sans-serif";

/** Sinaesta's look. Give another theme to `MantineProvider`, or `mergeThemeOverrides` this one with yours. */
export const theme = createTheme({
  primaryColor: 'teal',
  primaryShade: 7,
  autoContrast: true,
  luminanceThreshold: 0.32,
  colors: { teal, saffron },
  fontFamily: SANS,
  fontSmoothing: true,
  headings: { fontFamily: SANS, fontWeight: '650' },
  defaultRadius: 'md',
  radius: { xs: '3px', sm: '5px', md: '8px', lg: '12px', xl: '18px' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Card: { defaultProps: { withBorder: true, shadow: 'none', padding: 'lg' } },
    Paper: { defaultProps: { shadow: 'none' } },
    Badge: { defaultProps: { variant: 'light', radius: 'sm' }, styles: { root: { textTransform: 'none' } } },
    Tooltip: { defaultProps: { openDelay: 400, withArrow: true } },
    Modal: { defaultProps: { centered: true, radius: 'lg' } },
    // Its own grey is too faint on white.
    Notification: { styles: { description: { color: 'var(--mantine-color-dimmed)' } } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray' } },
  },
});

/** Colours that Mantine has no name for: paper, hairlines and the bubbles of a conversation. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: { '--font-serif': SERIF, '--rt-radius-bubble': '14px' },
  light: {
    '--mantine-color-body': '#fbfaf7',
    '--mantine-color-dimmed': '#5d6360',
    '--rt-surface': '#ffffff',
    '--rt-hairline': '#e4e1d9',
    '--rt-own': '#dcefeb',
    '--rt-other': '#ffffff',
    '--rt-highlight': '#fff3d6',
    '--rt-accent-text': '#0b5850',
    '--rt-urgent-text': '#8a4b00',
  },
  dark: {
    '--mantine-color-body': '#121615',
    '--mantine-color-dimmed': '#a2aba8',
    '--rt-surface': '#1a201e',
    '--rt-hairline': '#2c3432',
    '--rt-own': '#123f39',
    '--rt-other': '#212826',
    '--rt-highlight': '#3d3113',
    '--rt-accent-text': '#74c2b6',
    '--rt-urgent-text': '#ffbc64',
  },
});
