import '@fontsource-variable/plus-jakarta-sans';
import '@fontsource-variable/source-serif-4';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './app.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { createTexts, cssVariables, type Language, theme } from '@sinaesta/realtime/components';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { I18nextProvider } from 'react-i18next';
import { App } from './app.tsx';
import { resources } from './texts/index.ts';

const kept = localStorage.getItem('sinaesta-language');
const language: Language = kept === 'en' || kept === 'id' ? kept : navigator.language.startsWith('id') ? 'id' : 'en';
const texts = createTexts(language, resources);
const follow = (next: string) => {
  document.documentElement.lang = next;
  localStorage.setItem('sinaesta-language', next);
};
follow(language);
texts.on('languageChanged', follow);

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <I18nextProvider i18n={texts}>
        <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
          <Notifications position="bottom-right" limit={4} />
          <App />
        </MantineProvider>
      </I18nextProvider>
    </StrictMode>,
  );
}
